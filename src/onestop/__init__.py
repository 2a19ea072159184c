"""Onestop: a province's data warehouse for administrative-procedure dossiers."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("onestop")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
