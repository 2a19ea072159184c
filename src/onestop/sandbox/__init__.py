"""Sample source systems with the faults that real ones have; counts what it planted with its own code.

Imports nothing of the pipeline: two programs that share no code and agree on a figure say something about it.
"""
