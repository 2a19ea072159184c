"""What `.local/postgres.json` holds about the embedded server, and the lock under which it is changed."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from onestop.errors import ConfigurationError, WarehouseUnavailable

LOCK_SECONDS = 600


@dataclass(frozen=True)
class State:
    """Where the server's data lie, its port (0: not chosen yet), whether the databases are made, passwords by role.

    `home` is relative to `.local` when it lies in there, so that a project can be moved.
    """

    home: str
    port: int
    ready: bool
    passwords: dict[str, str]

    def uri(self, role: str, database: str) -> str:
        """The libpq URI of a role and database. The passwords hold only characters that a URI leaves alone."""
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True)
class StateFile:
    """`postgres.json` and `postgres.lock` of a folder `.local`, both readable by their owner only."""

    local: Path

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.local / "postgres.json"

    @property
    def lock_path(self) -> Path:
        """The file that carries the lock."""
        return self.local / "postgres.lock"

    def read(self) -> State | None:
        """The state; None before the first start.

        Raises:
            ConfigurationError: the file is damaged.
        """
        try:
            state = State(**json.loads(self.path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            state = None
        if state is None or not isinstance(state.port, int) or not 0 <= state.port < 65536:
            raise ConfigurationError(
                f"{self.path} is damaged. Nothing was changed",
                next_step="mend it, or put it back from a copy; it holds the port and passwords of the database",
            )
        return state

    def write(self, state: State) -> None:
        """Replace the state; whole or not at all."""
        self.local.mkdir(exist_ok=True)
        write_private(self.path, json.dumps(asdict(state), indent=1) + "\n")
        hand_over(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock; other processes wait for it.

        Raises:
            WarehouseUnavailable: another process has held it for ten minutes.
        """
        new = not self.lock_path.exists()
        with os.fdopen(os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o600)) as lock:
            if new:
                hand_over(self.lock_path)
            deadline = time.monotonic() + LOCK_SECONDS
            while not _lock(lock.fileno()):
                if time.monotonic() > deadline:
                    raise WarehouseUnavailable(
                        f"another onestop process has been starting or stopping the database for {LOCK_SECONDS} s",
                        next_step="look at what it waits for, or end it, then start again",
                    )
                time.sleep(0.05)
            yield


def make_folder(folder: Path) -> None:
    """Make a folder and its parents."""
    for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        missing.mkdir(exist_ok=True)
        hand_over(missing)


def hand_over(path: Path) -> None:
    """Give what root has just made in another user's folder to that user, who will work here later."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read; whole or not at all."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder, also while others remove some of them."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(place) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
