"""A folder on an SFTP server as a read-only fsspec file system.

fsspec's own one accepts any host key, can write, and keeps passwords in its cache of instances. This one lists and
reads, checks the host key (or keeps the first one it sees), gives every wait an end, and connects again, once, where
a connection was lost. Its errors name the server and the source, never a secret.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paramiko
from fsspec import AbstractFileSystem
from paramiko.ssh_exception import BadAuthenticationType, IncompatiblePeer

from onestop.errors import ConfigurationError, OnestopError, SourceUnavailable
from onestop.sources.sftp_file import SftpFile
from onestop.sources.sftp_host_keys import KeepFirst, RefuseUnknown, changed, load_host_keys

TIMEOUT = 30.0  # seconds: each of connect, banner, log-in and every wait for an answer
_KEEP_ALIVE = 15  # seconds; a file is read long after the one before, while that is being loaded
_LOG = "onestop.sftp"
_KEY_KINDS: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
# What goes wrong on the wire reaches a person as an error of ours; the library's tracebacks on the screen do not help.
logging.getLogger(_LOG).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class SftpAddress:
    """`sftp://host:port/folder`; the port is 22 where none is named, the folder starts from the server's root."""

    host: str
    port: int
    folder: str

    @classmethod
    def parse(cls, url: str) -> SftpAddress:
        """Raises ValueError where it is no such address."""
        parts = urlsplit(url)
        if parts.scheme != "sftp" or not parts.hostname:
            raise ValueError("not of the form sftp://host:port/folder")
        return cls(parts.hostname, parts.port or 22, unquote(parts.path).rstrip("/") or "/")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class SftpLogin:
    """Who logs in and how the server is known.

    password: the user's; with a key file, the key's passphrase.
    known_hosts: OpenSSH file in which the server must stand; None: the first key seen is kept in `kept_hosts`.
    variables: the first part of the variables' names, for messages.
    """

    user: str
    password: str | None = field(repr=False)
    key_file: Path | None
    known_hosts: Path | None
    kept_hosts: Path
    variables: str


class SftpFolder(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of an SFTP server, to be listed and read; `close` ends the connection.

    Args:
        source_id: the source's name, for messages.
        timeout: seconds for each of connect, banner, log-in and every wait for an answer.

    Raises:
        ConfigurationError: the server refused the log-in, a key file cannot be used, or the host key is not the known one.
        SourceUnavailable: the server cannot be reached or does not answer as one.
    """

    protocol = "sftp-source"  # what FSSPEC_SFTP_... says is for others
    cachable = False

    def __init__(self, source_id: str, address: SftpAddress, login: SftpLogin, *, timeout: float = TIMEOUT) -> None:
        super().__init__()
        self._source_id, self._address, self._login, self._timeout = source_id, address, login, timeout
        self._client: paramiko.SSHClient | None = None
        self._sftp: paramiko.SFTPClient | None = None
        self._given_up: OnestopError | None = None
        self._connect()

    def close(self) -> None:
        """End the connection; without one, nothing happens."""
        if self._client is not None:
            self._client.close()
        self._client = self._sftp = None

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The entries of a folder, always fresh; a link shows what it leads to. Raises OSError, SourceUnavailable."""
        path = str(self._strip_protocol(path)) or "/"
        found = []
        with self.session() as sftp:
            for entry in sftp.listdir_attr(path):
                name = f"{path.rstrip('/')}/{entry.filename}"
                looks: paramiko.SFTPAttributes = entry
                if stat.S_ISLNK(entry.st_mode or 0):
                    with contextlib.suppress(FileNotFoundError):
                        looks = sftp.stat(name)
                found.append(_entry(name, looks))
        return found if detail else [entry["name"] for entry in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What the server says of one path now. Raises OSError, SourceUnavailable."""
        path = str(self._strip_protocol(path)) or "/"
        with self.session() as sftp:
            return _entry(path, sftp.stat(path))

    def _open(self, path: str, mode: str = "rb", **options: Any) -> SftpFile:
        if mode != "rb":
            raise OSError(errno.EROFS, "files of a source are only read")
        with self.session() as sftp:
            handle = sftp.open(path, "rb")
        return SftpFile(self, path, handle, self.wire, cache_type=options.get("cache_type", "readahead"))

    @contextlib.contextmanager
    def session(self) -> Iterator[paramiko.SFTPClient]:
        """The connection itself, for whoever does more than list and read.

        It is made again where it was lost; what goes wrong with it becomes an OSError.
        """
        if self._sftp is None:
            self._reconnect()
        assert self._sftp is not None  # noqa: S101  (connected, or an error was raised)
        with self.wire():
            yield self._sftp

    def _reconnect(self) -> None:
        """Once it failed it is not tried again: each of many files would wait for its time-out."""
        if self._given_up is None:
            try:
                self._connect()
            except OnestopError as problem:
                self._given_up = problem
        if self._given_up is not None:
            raise type(self._given_up)(self._given_up.message, next_step=self._given_up.next_step)

    @contextlib.contextmanager
    def wire(self) -> Iterator[None]:
        """A lost connection, a silent server and answers out of step become a ConnectionError; it is not used again."""
        try:
            yield
        except UnicodeDecodeError:
            raise SourceUnavailable(
                f"{self._source_id}: the SFTP server {self._address} has a file name that is not UTF-8",
                next_step="rename that file; all names in the folder must be UTF-8",
            ) from None
        except (paramiko.SSHException, paramiko.SFTPError, EOFError, TimeoutError, ConnectionError) as problem:
            self.close()
            silent = isinstance(problem, TimeoutError)
            raise (TimeoutError if silent else ConnectionError)(f"the connection to {self._address} was lost") from None
        except OSError as problem:
            if problem.errno is None and str(problem) == "Socket is closed":  # the library's own, of a dead channel
                self.close()
            raise

    def _connect(self) -> None:
        login = self._login
        key = _private_key(self._source_id, login) if login.key_file else None
        client = paramiko.SSHClient()
        client.set_log_channel(_LOG)
        load_host_keys(client, self._source_id, login.known_hosts, login.kept_hosts, login.variables)
        client.set_missing_host_key_policy(
            RefuseUnknown(self._source_id, login.known_hosts, login.variables)
            if login.known_hosts
            else KeepFirst(self._source_id, login.kept_hosts)
        )
        try:
            client.connect(
                self._address.host,
                self._address.port,
                username=login.user,
                password=None if key else login.password,
                pkey=key,
                timeout=self._timeout,
                banner_timeout=self._timeout,
                auth_timeout=self._timeout,
                channel_timeout=self._timeout,
                allow_agent=False,
                look_for_keys=False,
            )
            transport = client.get_transport()
            assert transport is not None  # noqa: S101  (connected)
            transport.set_keepalive(_KEEP_ALIVE)
            sftp = self._opened(transport)
        except OnestopError:
            client.close()
            raise
        except (paramiko.SSHException, EOFError, OSError) as problem:
            client.close()
            raise self._explained(problem) from None
        self._client, self._sftp = client, sftp

    def _opened(self, transport: paramiko.Transport) -> paramiko.SFTPClient:
        """The SFTP part of a connection: with a time-out before its first question, which the library's own lacks."""
        channel = transport.open_session(timeout=self._timeout)
        channel.settimeout(self._timeout)
        try:
            channel.invoke_subsystem("sftp")
            return paramiko.SFTPClient(channel)
        except (paramiko.SSHException, paramiko.SFTPError, EOFError) as problem:
            raise SourceUnavailable(
                f"{self._source_id}: the server {self._address} let the user in, but offers no SFTP"
                f" ({type(problem).__name__})",
                next_step="have SFTP allowed for this user on the server",
            ) from None

    def _explained(self, problem: Exception) -> OnestopError:
        """What kept the connection from being made, without a word of what was sent or received."""
        server = f"{self._source_id}: the SFTP server {self._address}"
        variables = self._login.variables
        if isinstance(problem, paramiko.BadHostKeyException):
            where = self._login.known_hosts or self._login.kept_hosts
            return changed(self._source_id, str(self._address), problem.expected_key, problem.key, where)
        if isinstance(problem, BadAuthenticationType):
            kinds = ", ".join(sorted(map(str, problem.allowed_types)))
            return ConfigurationError(
                f"{server} does not take this kind of log-in; it takes: {kinds}",
                next_step=f"set {variables}_KEY_FILE or {variables}_PASSWORD, whichever it takes",
            )
        if isinstance(problem, paramiko.AuthenticationException) and str(problem) == "Authentication failed.":
            how, what = ("key", "KEY_FILE") if self._login.key_file else ("password", "PASSWORD")
            return ConfigurationError(
                f"{server} refused the user or the {how}",
                next_step=f"correct {variables}_USER and {variables}_{what}, or have the user let in",
            )
        if isinstance(problem, IncompatiblePeer):
            return ConfigurationError(
                f"{server} offers no encryption that is still safe", next_step="have the server brought up to date"
            )
        if isinstance(problem, socket.gaierror):
            return SourceUnavailable(
                f"{server} has a name that nobody knows",
                next_step="correct the address in province.yml, or mend the DNS",
            )
        if isinstance(problem, paramiko.ssh_exception.NoValidConnectionsError | ConnectionRefusedError):
            return SourceUnavailable(
                f"{server} refused the connection", next_step="see whether it runs, and the port in province.yml"
            )
        if isinstance(problem, TimeoutError):
            return SourceUnavailable(
                f"{server} did not answer within {self._timeout:g} s", next_step="check the network and the firewall"
            )
        return SourceUnavailable(
            f"{server} broke off before the log-in was done, or speaks no SSH ({type(problem).__name__})",
            next_step="see whether it is an SSH server, and whether it is overloaded; then run again",
        )


def _entry(name: str, looks: paramiko.SFTPAttributes) -> dict[str, Any]:
    return {
        "name": name,
        "size": looks.st_size or 0,
        "type": "directory" if stat.S_ISDIR(looks.st_mode or 0) else "file",
        "mtime": datetime.fromtimestamp(looks.st_mtime or 0, UTC),
    }


def _private_key(source_id: str, login: SftpLogin) -> paramiko.PKey:
    """The key of the key file. Raises ConfigurationError where it cannot be used."""
    assert login.key_file is not None  # noqa: S101  (asked for only where there is one)
    name, step = f"{login.variables}_KEY_FILE", "name a private key file in OpenSSH or PEM form that this user may read"
    path = login.key_file.expanduser()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise ConfigurationError(f"{source_id}: the file of {name} is not there or cannot be read", next_step=step)
    for kind in _KEY_KINDS:
        try:
            return kind.from_private_key_file(str(path), password=login.password)
        except paramiko.PasswordRequiredException:
            raise ConfigurationError(
                f"{source_id}: the key of {name} has a passphrase",
                next_step=f"set {login.variables}_PASSWORD to it, or use a key without one",
            ) from None
        except (paramiko.SSHException, ValueError, TypeError, IndexError, OSError):
            continue  # a key of another kind
    raise ConfigurationError(
        f"{source_id}: the file of {name} holds no key that can be read, or {login.variables}_PASSWORD is not its passphrase",
        next_step=step,
    )
