"""Puts a parcel's files into a folder, here or on an SFTP server: all of them, under their own names only once they are whole.

A file that lies there already with the same bytes is delivered; one with other bytes is never overwritten.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

import paramiko

from onestop.config import Recipient, Settings
from onestop.delivery.parcel import Outcome, Parcel
from onestop.errors import OnestopError
from onestop.sources.sftp import SftpAddress, SftpFolder
from onestop.sources.sftp_login import login_of


class Place(Protocol):
    """Where files can be put. Paths start from the recipient's folder. Methods raise OSError."""

    name: str

    def exists(self) -> bool:
        """Whether the recipient's folder itself is there; it is never made."""

    def make(self, folder: PurePosixPath) -> None:
        """A folder below it; one that is there stays."""

    def read(self, path: PurePosixPath, most: int) -> bytes | None:
        """The first bytes of a file; None where there is none."""

    def write(self, path: PurePosixPath, content: bytes) -> None:
        """A file, or a new one in its place; on disk when it returns."""

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Give a file its own name, which nothing has yet."""


def deliver(settings: Settings, recipient: Recipient, parcel: Parcel) -> Outcome:
    """Put the parcel into the recipient's folder. Whatever happens, an outcome."""
    return _at(settings, recipient, partial(put, parcel=parcel))


def look(settings: Settings, recipient: Recipient) -> Outcome:
    """Whether the recipient's folder can be reached; nothing is written. `sent`: it can."""
    return _at(settings, recipient, lambda place: _missing(place) or Outcome("sent", f"{place.name} is there"))


def _at(settings: Settings, recipient: Recipient, act: Callable[[Place], Outcome]) -> Outcome:
    try:
        with _place(settings, recipient) as place:
            return act(place)
    except OnestopError as problem:
        return Outcome("failed", problem.message, problem.next_step, can_retry=problem.retryable)
    except (ConnectionError, TimeoutError) as problem:
        return Outcome(
            "failed",
            f"{recipient.address}: {problem}",
            "see whether the server can be reached, then deliver with --retry",
            can_retry=True,
        )
    except OSError as problem:
        reason = problem.strerror or str(problem) or type(problem).__name__
        return Outcome(
            "failed",
            f"{recipient.address} cannot be written: {reason}",
            "see to the folder's rights and room, then deliver with --retry",
        )


def _missing(place: Place) -> Outcome | None:
    if place.exists():
        return None
    return Outcome(
        "failed",
        f"the folder {place.name} is not there",
        "make it, or connect what it lies on, or correct province.yml; then deliver with --retry",
    )


def put(place: Place, parcel: Parcel) -> Outcome:
    """Write what is not there yet. Raises OSError."""
    if missing_folder := _missing(place):
        return missing_folder
    folder, missing = PurePosixPath(parcel.folder), []
    for name, content in parcel.files.items():
        there = place.read(folder / name, len(content) + 1)
        if there is None:
            missing.append(name)
        elif there != content:
            wanted = hashlib.sha256(content).hexdigest()
            return Outcome(
                "failed",
                f"{place.name}/{folder / name} lies there with other content than SHA-256 {wanted}; nothing was overwritten",
                "see who put it there, move it away, then deliver with --retry",
            )
    for parent in [*reversed(folder.parents), folder][1:]:
        place.make(parent)
    for name in missing:
        unfinished = folder / f".{name}.part"
        place.write(unfinished, parcel.files[name])
        place.rename(unfinished, folder / name)
    there_already = len(parcel.files) - len(missing)
    said = f"{len(missing)} files written to {place.name}/{folder}"
    return Outcome("sent", said + (f", {there_already} lay there with the same bytes" if there_already else ""))


@contextmanager
def _place(settings: Settings, recipient: Recipient) -> Iterator[Place]:
    if recipient.folder:
        yield LocalPlace((settings.root / recipient.folder).resolve())
        return
    address = SftpAddress.parse(str(recipient.sftp))
    login = login_of(settings, recipient.id, str(recipient.credentials))
    with closing(SftpFolder(recipient.id, address, login)) as server, server.session() as session:
        yield SftpPlace(address, session)


class LocalPlace:
    """A folder of this machine, or one that is mounted here."""

    def __init__(self, root: Path) -> None:
        self._root, self.name = root, str(root)

    def exists(self) -> bool:
        """Whether the folder is there."""
        return self._root.is_dir()

    def make(self, folder: PurePosixPath) -> None:
        """A folder below it."""
        (self._root / folder).mkdir(exist_ok=True)

    def read(self, path: PurePosixPath, most: int) -> bytes | None:
        """The first bytes of a file."""
        try:
            with (self._root / path).open("rb") as file:
                return file.read(most)
        except FileNotFoundError:
            return None

    def write(self, path: PurePosixPath, content: bytes) -> None:
        """A file, whole and on disk."""
        with (self._root / path).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Its own name."""
        (self._root / old).rename(self._root / new)


class SftpPlace:
    """A folder of an SFTP server."""

    def __init__(self, address: SftpAddress, session: paramiko.SFTPClient) -> None:
        self._root, self._session = PurePosixPath(address.folder), session
        self.name = f"sftp://{address}{address.folder.rstrip('/')}"

    def exists(self) -> bool:
        """Whether the folder is there."""
        try:
            self._session.listdir_attr(str(self._root))
        except FileNotFoundError:
            return False
        return True

    def make(self, folder: PurePosixPath) -> None:
        """A folder below it."""
        path = str(self._root / folder)
        try:
            self._session.stat(path)
        except FileNotFoundError:
            self._session.mkdir(path)

    def read(self, path: PurePosixPath, most: int) -> bytes | None:
        """The first bytes of a file."""
        try:
            with self._session.open(str(self._root / path), "rb") as file:
                return file.read(most)
        except FileNotFoundError:
            return None

    def write(self, path: PurePosixPath, content: bytes) -> None:
        """A file, whole: the server says its size."""
        with self._session.open(str(self._root / path), "wb") as file:
            file.set_pipelined(True)
            file.write(content)
        size = self._session.stat(str(self._root / path)).st_size
        if size != len(content):
            raise OSError(errno.EIO, f"{path.name}: {size} of {len(content)} bytes arrived")

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Its own name."""
        self._session.rename(str(self._root / old), str(self._root / new))
