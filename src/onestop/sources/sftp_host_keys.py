"""Which key an SFTP server must show: listed in an OpenSSH known_hosts file, or the first one seen, kept from then on."""

from __future__ import annotations

import os
from pathlib import Path

import paramiko

from onestop.errors import ConfigurationError


class RefuseUnknown(paramiko.MissingHostKeyPolicy):
    """A server that the list of known hosts does not name is refused."""

    def __init__(self, source_id: str, known_hosts: Path, variables: str) -> None:
        self._source_id, self._known_hosts, self._variables = source_id, known_hosts, variables

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raises ConfigurationError, with what the server showed."""
        raise ConfigurationError(
            f"{self._source_id}: {hostname} is not in {self._known_hosts} ({self._variables}_KNOWN_HOSTS);"
            f" it showed {described(key)}",
            next_step="ask whoever runs the server for its fingerprint; if it is this one, add the key to that file",
        )


class KeepFirst(paramiko.MissingHostKeyPolicy):
    """The first key that a server shows is kept in a file that only its owner can read and write."""

    def __init__(self, source_id: str, kept_hosts: Path) -> None:
        self._source_id, self._kept_hosts = source_id, kept_hosts

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raises ConfigurationError where it cannot be kept: then a change would go unseen."""
        line = paramiko.hostkeys.HostKeyEntry([hostname], key).to_line()
        assert line is not None  # noqa: S101  (name and key are given)
        try:
            self._kept_hosts.parent.mkdir(parents=True, exist_ok=True)
            # One appending write: sources that meet a server at the same time cannot mix their lines.
            file = os.open(self._kept_hosts, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line.encode())
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as problem:
            raise ConfigurationError(
                f"{self._source_id}: the host key of {hostname} cannot be kept in {self._kept_hosts}: {problem.strerror}",
                next_step="make the folder writable",
            ) from None


def load_host_keys(
    client: paramiko.SSHClient, source_id: str, known_hosts: Path | None, kept_hosts: Path, variables: str
) -> None:
    """Give the client the listed host keys, or those kept so far.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    path = known_hosts.expanduser() if known_hosts else kept_hosts
    if known_hosts is None and not path.exists():
        return
    try:
        client.load_system_host_keys(str(path))
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not a text file"
        name = f"{variables}_KNOWN_HOSTS" if known_hosts else "the host keys kept so far"
        raise ConfigurationError(
            f"{source_id}: {path} ({name}) cannot be read: {reason}",
            next_step="name a known_hosts file in OpenSSH's form that this user may read",
        ) from None


def described(key: paramiko.PKey) -> str:
    """A key as `ssh-keygen -l` names it: kind and SHA-256 fingerprint."""
    return f"{key.get_name()} {key.fingerprint}"


def changed(
    source_id: str, server: str, expected: paramiko.PKey, shown: paramiko.PKey, where: Path
) -> ConfigurationError:
    """The error for a server that shows another key than the known one."""
    return ConfigurationError(
        f"{source_id}: the SFTP server {server} shows another host key: {described(shown)}; known is"
        f" {described(expected)}. Nothing was sent to it: somebody may stand in between",
        next_step="ask whoever runs the server whether its key was changed and compare the fingerprint; "
        f"only then replace its line in {where}",
    )
