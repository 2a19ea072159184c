"""Under which account the embedded PostgreSQL runs: the caller's own or, for root, an unprivileged one.

PostgreSQL refuses to run as root. Nothing here changes the rights of a file or folder that it did not make.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onestop.errors import WarehouseUnavailable

# What other tools may have left in the environment must not steer our server; messages are read, so in English.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
USE_ANOTHER_SERVER = "set ONESTOP_WAREHOUSE_DSN to a PostgreSQL of your own"


@dataclass(frozen=True)
class Account:
    """An account of the system that owns the server's files and runs its processes."""

    uid: int
    gid: int
    name: str

    @property
    def is_caller(self) -> bool:
        """Whether this process runs as the account already."""
        return self.uid == os.geteuid()

    def give(self, path: Path) -> None:
        """Hand a file or folder that the caller has just made over to the account."""
        if not self.is_caller:
            os.chown(path, self.uid, self.gid)

    def run(self, arguments: Sequence[str | Path], *, folder: Path = Path("/")) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as the account, standing in `folder`; its output is captured.

        Raises:
            PermissionError: the account may not execute the program or enter the folder.
            WarehouseUnavailable: this system does not let root change to the account.
        """
        try:
            return self._run([str(a) for a in arguments], folder)
        except (OSError, subprocess.SubprocessError) as problem:
            if self.is_caller or self._can_be_taken():
                raise
            raise WarehouseUnavailable(
                f"PostgreSQL does not run as root, and this system does not let root run it as {self.name}: {problem}",
                next_step=f"work as an ordinary user, or {USE_ANOTHER_SERVER}",
            ) from problem

    def reaches(self, folder: Path) -> bool:
        """Whether the account may enter the folder."""
        if self.is_caller:
            return os.access(folder, os.X_OK)
        try:
            return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]).returncode == 0
        except PermissionError:
            return False

    def _run(self, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            umask=0o077,
            user=None if self.is_caller else self.uid,
            group=None if self.is_caller else self.gid,
            extra_groups=None if self.is_caller else [],
        )

    def _can_be_taken(self) -> bool:
        """Whether the system lets us start anything at all as the account."""
        try:
            return self._run(["/bin/sh", "-c", ":"], Path("/")).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False


def caller() -> Account:
    """The account that this process runs as."""
    return _account(os.geteuid()) or Account(os.geteuid(), os.getegid(), f"uid {os.geteuid()}")


def for_project(project: Path) -> Account:
    """Who shall own a new server in the folder: the caller; for root the folder's owner, else postgres or nobody.

    Raises:
        WarehouseUnavailable: root, and the system has no unprivileged account.
    """
    if os.geteuid() != 0:
        return caller()
    owner = project.stat().st_uid
    if owner != 0 and (account := _account(owner)):
        return account
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name)
    raise WarehouseUnavailable(
        "PostgreSQL does not run as root, and this system has neither an account postgres nor nobody",
        next_step=f"work as an ordinary user, or {USE_ANOTHER_SERVER}",
    )


def of_folder(folder: Path) -> Account:
    """Who runs the server whose data lie in the folder: its owner.

    Raises:
        WarehouseUnavailable: the caller is neither the owner nor root, or the owner is root.
    """
    owner = folder.stat().st_uid
    account = _account(owner) or Account(owner, folder.stat().st_gid, f"uid {owner}")
    if owner == 0 or os.geteuid() not in (0, owner):
        reason = "PostgreSQL does not run as root" if owner == 0 else f"you are {caller().name}"
        raise WarehouseUnavailable(
            f"the database folder {folder} belongs to {account.name}; {reason}. Nothing was changed",
            next_step="work as the user who made it; or remove it as that user with 'make clean' and start anew",
        )
    return account


def _account(uid: int) -> Account | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
