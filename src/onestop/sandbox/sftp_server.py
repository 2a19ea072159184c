"""An SFTP server on loopback that serves one folder read-only to one user, for the portal's exports."""

from __future__ import annotations

import contextlib
import hmac
import os
import socket
import threading
from pathlib import Path
from types import TracebackType

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED, OPEN_SUCCEEDED
from paramiko.sftp import SFTP_NO_SUCH_FILE, SFTP_PERMISSION_DENIED

from onestop.errors import ConfigurationError

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


class _Door(paramiko.ServerInterface):
    """Lets the one user in, to SFTP only."""

    def __init__(self, owner: SftpServer) -> None:
        self.owner = owner

    def get_allowed_auths(self, username: str) -> str:
        return "publickey" if self.owner.password is None else "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        right = self.owner.password is not None and hmac.compare_digest(
            f"{username}\0{password}".encode(), f"{self.owner.user}\0{self.owner.password}".encode()
        )
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        right = username == self.owner.user and key == self.owner.user_key
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Files(paramiko.SFTPServerInterface):
    """The folder as the client sees it: `/` is the folder itself; whatever would change something is refused."""

    def __init__(self, server: _Door) -> None:
        super().__init__(server)
        self._owner = server.owner

    def _place(self, path: str) -> Path:
        """Raises FileNotFoundError for what lies, or leads, outside of the folder."""
        place = (self._owner.folder / self.canonicalize(path).lstrip("/")).resolve()
        if not place.is_relative_to(self._owner.folder):
            raise FileNotFoundError(path)
        return place

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            place = self._place(path)
            return [
                paramiko.SFTPAttributes.from_stat(entry.lstat(), entry.name)
                for entry in sorted(place.iterdir())
                if self._owner.is_served(entry)
            ]
        except OSError as problem:
            return paramiko.SFTPServer.convert_errno(problem.errno or 0)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._place(path).stat())
        except OSError:
            return SFTP_NO_SUCH_FILE

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        if flags & _WRITING:
            return self._refused(f"open {path}")
        try:
            # The handle closes it when the client does, or goes.
            file = self._place(path).open("rb")
        except OSError as problem:
            return paramiko.SFTPServer.convert_errno(problem.errno or 0)
        handle = paramiko.SFTPHandle(flags)
        handle.filename, handle.readfile = path, file  # type: ignore[attr-defined]
        handle.stat = lambda: paramiko.SFTPAttributes.from_stat(os.fstat(file.fileno()))  # type: ignore[method-assign]
        self._owner.reads.append(path)
        return handle

    def _refused(self, what: str) -> int:
        self._owner.writes.append(what)
        return SFTP_PERMISSION_DENIED

    def remove(self, path: str) -> int:
        return self._refused(f"remove {path}")

    def rename(self, oldpath: str, newpath: str) -> int:
        return self._refused(f"rename {oldpath}")

    posix_rename = rename

    def mkdir(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        return self._refused(f"mkdir {path}")

    def rmdir(self, path: str) -> int:
        return self._refused(f"rmdir {path}")

    def chattr(self, path: str, attr: paramiko.SFTPAttributes) -> int:
        return self._refused(f"chattr {path}")

    def symlink(self, target_path: str, path: str) -> int:
        return self._refused(f"symlink {path}")


class SftpServer:
    """An SFTP server over a folder; a context manager that starts and stops it.

    Args:
        folder: what is served, as `/`. Nothing in it is ever changed.
        password: the user's; None: only `user_key` is let in.
        user_key: the public key that is let in beside the password.
        port: 0 chooses a free one.
        host_key: None makes a new one.

    reads, writes: the paths that were opened, and everything asked for that would have changed something.
    """

    def __init__(
        self,
        folder: Path,
        user: str,
        password: str | None,
        port: int = 0,
        *,
        user_key: paramiko.PKey | None = None,
        host_key: paramiko.PKey | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.user, self.password, self.user_key = user, password, user_key
        self.host_key: paramiko.PKey = host_key or paramiko.ECDSAKey.generate()
        self.reads: list[str] = []
        self.writes: list[str] = []
        self._port = port
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._transports: list[paramiko.Transport] = []

    @property
    def port(self) -> int:
        """The port. Raises RuntimeError before `start`."""
        if self._listener is None:
            raise RuntimeError("the SFTP sandbox has not been started")
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """The folder's address for province.yml. Raises RuntimeError before `start`."""
        return f"sftp://127.0.0.1:{self.port}/"

    @property
    def connections(self) -> int:
        """How many are open now."""
        return sum(t.is_active() for t in self._transports)

    def is_served(self, entry: Path) -> bool:
        """Whether a path stays within the folder, also as a link."""
        return entry.resolve().is_relative_to(self.folder)

    def start(self) -> SftpServer:
        """Listen on 127.0.0.1 and answer in the background.

        Raises:
            ConfigurationError: the port is taken or not allowed.
        """
        if self._listener is None:
            try:
                self._listener = socket.create_server(("127.0.0.1", self._port), backlog=16)
            except (OSError, OverflowError) as problem:
                raise ConfigurationError(
                    f"the SFTP sandbox cannot listen on 127.0.0.1:{self._port}: {problem}",
                    next_step="choose another port, or 0 for a free one",
                ) from problem
            self._thread = threading.Thread(target=self._accept, args=(self._listener,), name="sftp", daemon=True)
            self._thread.start()
        return self

    def drop_connections(self) -> None:
        """End every connection in the middle of what it does."""
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def stop(self) -> None:
        """Stop answering and free the port."""
        listener, thread = self._listener, self._thread
        if listener is None or thread is None:
            return
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # ends the accept that waits
        listener.close()
        thread.join(timeout=10)
        self.drop_connections()
        self._listener = self._thread = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # stopped
            transport = paramiko.Transport(connection)
            transport.set_log_channel("onestop.sandbox.sftp")
            transport.add_server_key(self.host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
            self._transports = [t for t in self._transports if t.is_active()] + [transport]
            # With an event it answers in its own thread: a client that is silent does not hold up the next one.
            transport.start_server(event=threading.Event(), server=_Door(self))

    def __enter__(self) -> SftpServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
