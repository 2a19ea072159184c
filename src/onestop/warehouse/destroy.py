"""`python -m onestop.warehouse.destroy FOLDER...`: remove the embedded servers of `.local` folders. For `make clean`."""

from __future__ import annotations

import sys
from pathlib import Path

from onestop.errors import OnestopError
from onestop.warehouse.embedded import EmbeddedPostgres


def main(folders: list[str]) -> int:
    """Stop and remove each server with its data; returns the exit code."""
    failed = 0
    for folder in folders:
        try:
            EmbeddedPostgres(Path(folder)).destroy()
        except OnestopError as problem:
            sys.stderr.write(f"{problem}\n")
            failed = problem.exit_code
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
