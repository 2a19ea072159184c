"""Editions of a published quarter: what an office signed, frozen in the schema `published` and chained by hashes.

`life` moves an edition from draft to published, `verify` finds any changed byte, `diff` and `explain` lead from a
figure to the dossiers behind it. What is stored and how it is hashed: docs/editions.md.
"""
