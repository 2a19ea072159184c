"""Who logs in to an SFTP server: the environment's variables of one name, for sources and for recipients alike."""

from __future__ import annotations

from pathlib import Path

from onestop.config import Settings, required_secrets, secret, variable
from onestop.errors import ConfigurationError
from onestop.sources.sftp import SftpLogin


def login_of(settings: Settings, whose: str, credentials: str) -> SftpLogin:
    """The log-in from <credentials>_USER, _PASSWORD, _KEY_FILE and _KNOWN_HOSTS.

    Raises:
        ConfigurationError: a part of it is missing.
    """
    (user,) = required_secrets(f"{credentials}_USER")
    password, key_file, known_hosts = (
        secret(f"{credentials}_PASSWORD"),
        variable(f"{credentials}_KEY_FILE"),
        variable(f"{credentials}_KNOWN_HOSTS"),
    )
    if password is None and key_file is None:
        raise ConfigurationError(
            f"{whose}: neither {credentials}_PASSWORD nor {credentials}_KEY_FILE is set", next_step="set one of them"
        )
    return SftpLogin(
        user=user,
        password=password,
        key_file=Path(key_file) if key_file else None,
        known_hosts=Path(known_hosts) if known_hosts else None,
        kept_hosts=settings.local / "known_hosts",
        variables=credentials,
    )
