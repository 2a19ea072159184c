"""Faults played for real, one after the other or many times: `make soak`; `make test` plays each once."""
