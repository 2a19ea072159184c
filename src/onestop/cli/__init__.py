"""The command line: thin commands over the pipeline, the platform and the sandbox."""

from onestop.cli.app import main

__all__ = ["main"]
