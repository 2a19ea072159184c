"""Onestop: a province's data warehouse for administrative-procedure dossiers."""

import sys
from importlib import import_module

# jsonschema comes with dbt, Great Expectations and Airflow. At its import this package builds 39 grammars, which takes 2 s
# of every process, for a text format that nothing here asks about; without it that format alone is not checked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

__version__: str


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is asked for: the reader of files starts in half the time without."""
    if name != "__version__":
        raise AttributeError(name)
    metadata = import_module("importlib.metadata")
    try:
        found: str = metadata.version("onestop")
    except metadata.PackageNotFoundError:  # a source tree that was never installed
        found = "0.0.0"
    globals()[name] = found
    return found
