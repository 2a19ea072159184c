"""A file that lies nowhere in the clear: the process that opens it asks the one that started it for piece after piece.

The asking end stands on the standard library alone, as it runs in the reader's child process.
"""

from __future__ import annotations

import io
import os
import socket
import struct
import threading
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from onestop.errors import OnestopError

_MOST = 1 << 20  # bytes that are asked for at once
_BUFFER = 1 << 18
_REQUEST = struct.Struct("<QQ")  # where, and how many bytes


class Content(Protocol):
    """Bytes that can be read from any place."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, at: int, size: int) -> bytes:
        """Those from a place on, `size` of them or up to the end."""


class HeldContent:
    """What is in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read(self, at: int, size: int) -> bytes:
        """See Content."""
        return self._content[at : at + size]


class LocalContent:
    """A local file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, at: int, size: int) -> bytes:
        """See Content."""
        with self._path.open("rb") as file:
            file.seek(at)
            return file.read(size)


class Served:
    """Answers one process, which gets `asking` as a file descriptor, until that ends.

    problem: why the content could not be read.
    """

    def __init__(self, content: Content) -> None:
        self.problem: OnestopError | None = None
        self._content = content
        self._answering, self.asking = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="served file", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self._answering as answering:
            try:
                while len(request := answering.recv(_REQUEST.size, socket.MSG_WAITALL)) == _REQUEST.size:
                    at, size = _REQUEST.unpack(request)
                    answering.sendall(self._content.read(at, min(size, _MOST)))
            except OnestopError as problem:
                self.problem = problem
            except OSError:
                pass  # the process has ended

    def close(self) -> None:
        """Once the process has ended."""
        self.asking.close()
        self._thread.join()


class _Asked(io.RawIOBase):
    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor, self._size, self._at = descriptor, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        wanted = max(0, min(len(view), self._size - self._at, _MOST))
        if wanted:
            os.write(self._descriptor, _REQUEST.pack(self._at, wanted))
        done = 0
        while done < wanted:
            got = os.readv(self._descriptor, [view[done:wanted]])
            if not got:
                raise EOFError
            done += got
        self._at += wanted
        return wanted

    def readall(self) -> bytes:
        whole = bytearray(max(0, self._size - self._at))
        view, done = memoryview(whole), 0
        while done < len(whole):
            done += self.readinto(view[done:])
        return bytes(whole)


def asked(descriptor: int, size: int) -> BinaryIO:
    """The file that the other process serves; of so many bytes."""
    return cast(BinaryIO, io.BufferedReader(_Asked(descriptor, size), _BUFFER))
