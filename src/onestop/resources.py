"""Where the package finds the project's own files: the source tree, or what the wheel carries."""

from __future__ import annotations

from pathlib import Path

from onestop.errors import OnestopError

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder `dbt_project`, `expectations` or `dags`.

    Raises:
        OnestopError: neither the source tree nor the installed wheel has it.
    """
    for candidate in (_PACKAGE.parents[1] / name, _PACKAGE / "_bundled" / name):
        if candidate.is_dir():
            return candidate
    raise OnestopError(
        f"the folder {name} is missing from this installation", next_step="install the onestop wheel again"
    )
