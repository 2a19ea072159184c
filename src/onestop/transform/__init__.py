"""Runs dbt, one process per call, and files what it said of every node."""
