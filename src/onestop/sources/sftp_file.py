"""An open file of an SFTP server, read with many requests under way at once.

One request per round trip would make a file of 50 MB take minutes over a slow line. The library's own reading ahead does
it with a second thread, and can wait for ever when it is used twice on one file; here one thread asks and collects.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import paramiko
from fsspec import AbstractFileSystem
from fsspec.spec import AbstractBufferedFile
from paramiko.sftp import CMD_DATA, CMD_READ, int64

_PIECE = 32 * 1024  # bytes; what every server answers in one message
_UNDER_WAY = 64  # requests


class SftpFile(AbstractBufferedFile):  # type: ignore[misc]  # fsspec has no types
    """A file to be read.

    Args:
        wire: turns what goes wrong with the connection into an OSError.
    """

    def __init__(
        self,
        fs: AbstractFileSystem,
        path: str,
        handle: paramiko.SFTPFile,
        wire: Callable[[], AbstractContextManager[None]],
        *,
        cache_type: str,
    ) -> None:
        self._handle, self._wire = handle, wire
        with wire():
            size = handle.stat().st_size or 0
        super().__init__(fs, path, "rb", cache_type=cache_type, size=size)

    def _fetch_range(self, start: int, end: int) -> bytes:
        end = min(end, self.size)
        body = bytearray()
        with self._wire():
            while start < end:
                until = min(end, start + _UNDER_WAY * _PIECE)
                got = self._window(start, until)
                body += got
                start += len(got)
        return bytes(body)

    def _window(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`, or up to where a server answered with less than it was asked for.

        Raises EOFError where the file ends before `start`, or within.
        """
        sftp: Any = self._handle.sftp
        answers = _Answers()
        sizes = [min(_PIECE, end - place) for place in range(start, end, _PIECE)]
        numbers = [
            sftp._async_request(answers, CMD_READ, self._handle.handle, int64(start + i * _PIECE), size)
            for i, size in enumerate(sizes)
        ]
        pieces = []
        for number in numbers:
            kind, message = answers.early.pop(number, None) or sftp._read_response(number)
            if kind != CMD_DATA:
                sftp._convert_status(message)  # raises
            pieces.append(message.get_string())
        short = next((i for i, (piece, size) in enumerate(zip(pieces, sizes, strict=True)) if len(piece) != size), None)
        if short is not None:
            if not pieces[short] or len(pieces[short]) > sizes[short]:
                raise paramiko.SFTPError("an answer of the wrong size")
            pieces = pieces[: short + 1]
        return b"".join(pieces)

    def close(self) -> None:
        """Let the server forget the file; a connection that is gone has forgotten it already."""
        if not self.closed:
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException, paramiko.SFTPError):
                self._handle.close()
        super().close()


class _Answers:
    """Where the library puts answers that come while another one is waited for."""

    def __init__(self) -> None:
        self.early: dict[int, tuple[int, paramiko.Message]] = {}

    def _async_response(self, kind: int, message: paramiko.Message, number: int) -> None:
        self.early[number] = (kind, message)
