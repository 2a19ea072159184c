"""Files that are written once: whole or not at all, never replaced; on local disks or any fsspec address."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import fsspec
from fsspec.implementations.local import LocalFileSystem

from onestop.errors import ConfigurationError, OnestopError, WarehouseUnavailable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Files(Protocol):
    """A folder of write-once files; names are relative, with `/` between folders."""

    def write_new(self, name: str, data: bytes) -> None:
        """Writes a file; after a crash it is there whole or not at all.

        Raises:
            FileExistsError: there is one of that name.
            WarehouseUnavailable: it could not be written (no room, no rights).
        """

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError, WarehouseUnavailable."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""

    def names(self) -> list[str]:
        """All files, in the order of their names; what a killed process left half written is none."""

    def replace(self, name: str, data: bytes) -> None:
        """Puts other bytes in a file's place: at any moment it is whole, the old or the new. For rotation of keys alone."""

    def remove(self, name: str) -> None:
        """Removes a file. For erasure alone."""


def files_at(url: str, options: Mapping[str, Any] | None = None) -> Files:
    """The files below an address: a path, file://..., memory://..., or any other that fsspec knows, with its options.

    Raises:
        ConfigurationError: no such kind of address, or it does not know these options.
        WarehouseUnavailable: what is there does not answer, or refuses the log-in.
    """
    try:
        # Not one that was used before: its connection may have been lost.
        filesystem, root = fsspec.core.url_to_fs(url, skip_instance_cache=True, **(options or {}))
    except (ImportError, ValueError, TypeError) as problem:
        raise ConfigurationError(
            f"the landing {url.partition('://')[0]}://... cannot be used: {problem}",
            next_step="set landing.url in province.yml to a path, or install what its kind of address needs",
        ) from problem
    except Exception as problem:  # each kind of address has faults of its own; their words may hold its log-in
        raise _away(url, problem) from None
    if isinstance(filesystem, LocalFileSystem):
        return LocalFiles(Path(root))
    return RemoteFiles(filesystem, root)


def _away(url: str, problem: Exception) -> WarehouseUnavailable:
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return WarehouseUnavailable(
        f"the landing {url.partition('://')[0]}://{host} cannot be used: {type(problem).__name__}",
        next_step="look whether it is up, and at landing.url and ONESTOP_LANDING_OPTIONS; then run again",
    )


@contextmanager
def _explained(place: str) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as problem:
        if problem.errno in _NO_ROOM:
            raise WarehouseUnavailable(
                f"the landing {place} has no room: {problem.strerror}", next_step="make room there, then run again"
            ) from problem
        raise WarehouseUnavailable(
            f"the landing {place} cannot be used: {problem.strerror or type(problem).__name__}",
            next_step="make it readable and writable for the account that runs onestop, then run again",
        ) from problem


class LocalFiles:
    """On a disk: folders 0700, files 0600, flushed to the disk before they count as written."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write_new(self, name: str, data: bytes) -> None:
        """See Files."""
        self._write(name, data, is_new=True)

    def replace(self, name: str, data: bytes) -> None:
        """See Files."""
        self._write(name, data, is_new=False)

    def remove(self, name: str) -> None:
        """See Files."""
        with _explained(str(self._root)):
            (self._root / name).unlink(missing_ok=True)
            _flush_folder((self._root / name).parent)

    def names(self) -> list[str]:
        """See Files."""
        with _explained(str(self._root)):
            found = (Path(place) / name for place, _, names in os.walk(self._root) for name in names)
            return sorted(path.relative_to(self._root).as_posix() for path in found if not path.name.startswith("."))

    def _write(self, name: str, data: bytes, *, is_new: bool) -> None:
        path = self._root / name
        with _explained(str(self._root)):
            self._make_folder(path.parent)
            draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            try:
                handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if is_new and path.exists():
                    raise FileExistsError(errno.EEXIST, "exists", str(path))
                draft.rename(path)
            except BaseException:
                with suppress(OSError):
                    draft.unlink()
                raise
            _flush_folder(path.parent)

    def read(self, name: str) -> bytes:
        """See Files."""
        with _explained(str(self._root)):
            return (self._root / name).read_bytes()

    def exists(self, name: str) -> bool:
        """See Files."""
        with _explained(str(self._root)):
            return (self._root / name).exists()

    def _make_folder(self, folder: Path) -> None:
        """Makes missing folders, and leaves the permissions of those that exist alone."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RemoteFiles:
    """Behind any other fsspec file system: written beside, then moved to the name."""

    def __init__(self, filesystem: fsspec.AbstractFileSystem, root: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    def write_new(self, name: str, data: bytes) -> None:
        """See Files."""
        self._write(name, data, is_new=True)

    def replace(self, name: str, data: bytes) -> None:
        """See Files."""
        self._write(name, data, is_new=False)

    def remove(self, name: str) -> None:
        """See Files."""
        with self._explained(), suppress(FileNotFoundError):
            self._filesystem.rm_file(f"{self._root}/{name}")

    def names(self) -> list[str]:
        """See Files."""
        with self._explained(), suppress(FileNotFoundError):
            found = [str(path).split(self._root.lstrip("/") + "/", 1)[-1] for path in self._filesystem.find(self._root)]
            return sorted(name for name in found if not name.rpartition("/")[2].startswith("."))
        return []

    def _write(self, name: str, data: bytes, *, is_new: bool) -> None:
        path = f"{self._root}/{name}"
        folder, _, base = path.rpartition("/")
        draft = f"{folder}/.{base}.{secrets.token_hex(4)}"
        with self._explained():
            if is_new and self._filesystem.exists(path):
                raise FileExistsError(errno.EEXIST, "exists", path)
            self._filesystem.makedirs(folder, exist_ok=True)
            try:
                self._filesystem.pipe_file(draft, data)
                self._filesystem.mv(draft, path)
            except BaseException:
                with suppress(OSError):
                    self._filesystem.rm_file(draft)
                raise

    def read(self, name: str) -> bytes:
        """See Files."""
        with self._explained():
            return bytes(self._filesystem.cat_file(f"{self._root}/{name}"))

    def exists(self, name: str) -> bool:
        """See Files."""
        with self._explained():
            return bool(self._filesystem.exists(f"{self._root}/{name}"))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Faults of the disk as on any; those of the way there, whatever the library calls them, pass with time."""
        try:
            with _explained(self._root):
                yield
        except (OSError, OnestopError):
            raise
        except Exception as problem:
            kind = self._filesystem.protocol
            raise _away(f"{kind if isinstance(kind, str) else kind[0]}://{self._root}", problem) from None
