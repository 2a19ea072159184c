"""Rights and logins of the warehouse, as commands ask for them: always the owner's work."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.pipeline.warehouse_faults import explained
from onestop.warehouse import bi_logins, rights
from onestop.warehouse.audit import note
from onestop.warehouse.bi_logins import Login, login_of
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.local_state import make_folder, write_private
from onestop.warehouse.migrations import migrate

__all__ = ["Login", "add", "apply", "audited", "differences", "logins", "remove"]


def apply(settings: Settings) -> list[str]:
    """Bring the warehouse to the newest version and to what rights.yml declares; what could not be done is given back."""
    with _owner(settings) as connection:
        with connection.transaction():
            rights.apply(connection, anew=True)
        return rights.differences(connection)


def differences(settings: Settings) -> list[str]:
    """What the database allows otherwise than rights.yml declares."""
    with _owner(settings) as connection:
        return rights.differences(connection)


def logins(settings: Settings) -> list[Login]:
    """The logins of BI."""
    with _owner(settings) as connection:
        return bi_logins.logins(connection)


def add(
    settings: Settings, unit: str | None, name: str | None, *, by: str, password_file: Path | None = None
) -> tuple[Login, Path]:
    """Make a login, or change its password.

    Args:
        unit: whose rows it sees; None: the whole province.
        password_file: the file that holds the password; None: one is made up and written to `.local/bi/<login>.password`.

    Returns:
        the login, and the file in which its password stands.
    """
    if name is None and unit is None:
        raise ConfigurationError("a login of the whole province needs a name", next_step="name it with --login bi_...")
    login = Login(name or login_of(unit or ""), unit)
    if password_file is not None:
        try:
            password = password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise ConfigurationError(
                f"{password_file} cannot be read: {problem}", next_step="name a text file"
            ) from None
    else:
        password = secrets.token_urlsafe(24)
    with _owner(settings) as connection:
        bi_logins.add(connection, login, password, by=by)
    if password_file is None:
        password_file = settings.local / "bi" / f"{login.login}.password"
        make_folder(password_file.parent)
        write_private(password_file, password + "\n")
    return login, password_file


def remove(settings: Settings, name: str, *, by: str) -> None:
    """Take a login away, and the file with its password."""
    with _owner(settings) as connection:
        bi_logins.remove(connection, name, by=by)
    (settings.local / "bi" / f"{name}.password").unlink(missing_ok=True)


@contextmanager
def audited(settings: Settings, action: str, what: str, *, by: str) -> Iterator[None]:
    """A deed outside of the warehouse with its line in the audit: both or neither, but for a crash between them."""
    with _owner(settings) as connection, connection.transaction():
        note(connection, action, what, by)
        yield


@contextmanager
def _owner(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    with explained("roles"), closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        migrate(connection)
        yield connection
