"""Superset's own Python environment: what it needs and what onestop needs do not go together. Made on first use, made anew
when the lock changes. `python -m onestop.platform.bi.environment FOLDER` makes it in FOLDER/superset beforehand."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from onestop import config
from onestop.errors import ConfigurationError, WarehouseUnavailable
from onestop.resources import resource

LOCK = "requirements-superset.lock"
VARIABLE = "ONESTOP_SUPERSET_VENV"
_FIT = ((3, 11), (3, 12))
"""Pythons for which everything in the lock has a built package."""


def python_of(local: Path, progress: Callable[[str], None] = lambda _: None) -> Path:
    """The Python of the environment under `.local/superset`, or of the one that ONESTOP_SUPERSET_VENV names.

    Raises:
        ConfigurationError: no Python is fit for it.
        WarehouseUnavailable: the packages cannot be had.
    """
    lock = resource(LOCK)
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    given = config.variable(VARIABLE)
    folder = Path(given) if given else local / "superset" / "venv"
    python, stamp = folder / "bin" / "python", folder / "onestop.lock"
    if python.exists() and stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return python
    progress("Superset's environment (some minutes the first time)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run([_base_python(), "-m", "venv", "--clear", str(folder)])
    has_uv = importlib.util.find_spec("uv") is not None
    pip = [sys.executable, "-m", "uv", "pip", "install", "--python", str(python)] if has_uv else []
    pip = pip or [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*pip, "--quiet", "--require-hashes", "-r", str(lock)])
    stamp.write_text(wanted, encoding="ascii")
    return python


def _base_python() -> str:
    if sys.version_info[:2] in _FIT:
        return sys.executable
    for name in ("python3.12", "python3.11"):
        if found := shutil.which(name):
            return found
    raise ConfigurationError(
        "Superset needs Python 3.11 or 3.12, and neither was found", next_step="install one, for instance python3.12"
    )


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise WarehouseUnavailable(
            f"Superset's environment could not be made: {said}",
            next_step="look at the package registry and the room on the disk, then start again",
        )


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{python_of(Path(sys.argv[1]).resolve())}\n")
    except (ConfigurationError, WarehouseUnavailable) as problem:
        sys.exit(str(problem))
