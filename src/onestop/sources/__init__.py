"""Connectors: one module per kind of source system, and what they share."""
