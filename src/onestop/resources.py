"""Where the package finds the project's own files: what the wheel carries, or the source tree, which carries nothing."""

from __future__ import annotations

from pathlib import Path

from onestop.errors import OnestopError

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder `dbt_project`, `expectations` or `dags`, or a file beside them.

    Raises:
        OnestopError: neither the source tree nor the installed wheel has it.
    """
    for candidate in (_PACKAGE / "_bundled" / name, _PACKAGE.parents[1] / name):
        if candidate.exists():
            return candidate
    raise OnestopError(f"{name} is missing from this installation", next_step="install the onestop wheel again")
