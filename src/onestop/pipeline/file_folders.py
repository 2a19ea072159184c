"""Where a portal source's files lie: a folder, any fsspec address, or an SFTP server with its log-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import fsspec
from fsspec import AbstractFileSystem

from onestop.config import PortalExportSource, Settings
from onestop.errors import SourceUnavailable
from onestop.sources.sftp import SftpAddress, SftpFolder, SftpLogin
from onestop.sources.sftp_login import login_of


@contextmanager
def file_system(settings: Settings, source: PortalExportSource) -> Iterator[tuple[AbstractFileSystem, str]]:
    """Where a source's files lie, and the folder there; a connection to it is closed at the end.

    Raises:
        SourceUnavailable: its address cannot be opened, or its server cannot be reached.
        ConfigurationError: its credentials are missing or were refused, or the server's host key is not the known one.
    """
    if source.is_sftp:
        address = SftpAddress.parse(source.path)
        with closing(SftpFolder(source.id, address, sftp_login(settings, source))) as folder:
            yield folder, address.folder
        return
    address_or_path = source.path if "://" in source.path else str((settings.root / source.path).resolve())
    try:
        fs, path = fsspec.core.url_to_fs(address_or_path)
    except (ImportError, ValueError, OSError) as problem:
        raise SourceUnavailable(
            f"{source.id}: {source.path} cannot be opened: {type(problem).__name__}",
            next_step="correct `path` in province.yml, or install what its protocol needs",
        ) from None
    yield fs, str(path)


def sftp_login(settings: Settings, source: PortalExportSource) -> SftpLogin:
    """Raises ConfigurationError where the environment lacks a part of it."""
    return login_of(settings, source.id, str(source.credentials))
