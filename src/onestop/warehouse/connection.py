"""Connections to the warehouse, with errors that say what to do; passwords never appear in them."""

from __future__ import annotations

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from onestop.config import Settings
from onestop.errors import ConfigurationError, OnestopError, WarehouseUnavailable
from onestop.warehouse.embedded import EmbeddedPostgres
from onestop.warehouse.rights import Role

CONNECT_SECONDS = 10
OLDEST, NEWEST = 15, 18  # the PostgreSQL versions on which the suite runs
EXAMPLE = "postgresql://user:password@host:5432/database"


def warehouse_dsn(settings: Settings, role: Role | None = None) -> str:
    """The warehouse's libpq URI: the environment's, or the embedded server's, which is started if it does not run.

    Args:
        role: whose; a role without a DSN of its own takes the owner's.

    Raises:
        WarehouseUnavailable, ConfigurationError: the embedded server cannot be started.
    """
    given = (settings.warehouse_dsn_of(role) if role else None) or settings.warehouse_dsn
    if given is not None:
        return given
    server = EmbeddedPostgres(settings.local)
    server.start()
    return server.warehouse_dsn


def connect(dsn: str, *, autocommit: bool = False, role: Role | None = None) -> psycopg.Connection:
    """Connect to the warehouse.

    Args:
        dsn: a libpq URI; its own application_name and connect_timeout win over ours (onestop, 10 s).
        autocommit: as in psycopg.
        role: take on this role (`onestop_loader` ...) and have its rights alone; where the warehouse has no roles, or has
            not been migrated, the login's own.

    Raises:
        ConfigurationError: no DSN, wrong password, unknown role or database, no right to connect, or a server
            that is too old or does not store UTF-8.
        WarehouseUnavailable: nothing answers there, or the server has no room for another connection.
    """
    parts = _parts(dsn)
    try:
        connection = psycopg.connect(make_conninfo("", **parts), autocommit=autocommit)
    except psycopg.Error as problem:
        raise _explained(str(problem), dsn) from None
    try:
        _require_supported(connection, dsn)
        if role:
            _take_on(connection, role)
    except (OnestopError, psycopg.Error):
        connection.close()
        raise
    return connection


def _take_on(connection: psycopg.Connection, role: Role) -> None:
    """For the whole session: a rollback takes nothing of it back."""
    there = connection.execute("select to_regprocedure('ops.has_roles()') is not null").fetchone()
    if there and there[0]:
        connection.execute(
            "select set_config('role', rolname, false) from pg_roles where rolname = %s and ops.has_roles()"
            " and pg_has_role(current_user, oid, 'MEMBER')",
            [f"onestop_{role}"],
        )
    if not connection.autocommit:
        connection.commit()


def require_writable(connection: psycopg.Connection) -> None:
    """Refuse a database in which the warehouse's schemas cannot be made.

    Raises:
        ConfigurationError: it is a standby, set to read-only, or the role may not create schemas in it.
    """
    where = f"database {connection.info.dbname!r} on {connection.info.host}:{connection.info.port}"
    before = connection.info.transaction_status
    standby, read_only, may_create = connection.execute(
        "select pg_is_in_recovery(), current_setting('transaction_read_only')::boolean,"
        " has_database_privilege(current_database(), 'CREATE')"
    ).fetchone() or (True, True, False)
    if before == TransactionStatus.IDLE and not connection.autocommit:
        connection.rollback()  # leave no transaction behind that the caller did not open
    if standby:
        raise ConfigurationError(
            f"{where} is a standby and cannot be written", next_step="name the primary server in the warehouse's DSN"
        )
    if read_only:
        raise ConfigurationError(
            f"{where} is set to read-only",
            next_step="alter database ... reset default_transaction_read_only (and the same for the role)",
        )
    if not may_create:
        raise ConfigurationError(
            f"the role {connection.info.user!r} may not create schemas in {where}",
            next_step=f"make it the owner: alter database {connection.info.dbname} owner to {connection.info.user}",
        )


def masked(dsn: str) -> str:
    """The DSN for people: user@host:port/database, without password and options."""
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:
        return "(unreadable DSN)"
    user = f"{parts['user']}@" if parts.get("user") else ""
    return f"{user}{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


def _parts(dsn: str) -> dict[str, str]:
    try:
        parts = conninfo_to_dict(dsn)
    except psycopg.Error:
        parts = {}
    if not parts:
        # What libpq says of a malformed DSN quotes it, password and all.
        raise ConfigurationError("the warehouse's DSN is not a libpq URI", next_step=f"write it like {EXAMPLE}")
    defaults = {"application_name": "onestop", "connect_timeout": str(CONNECT_SECONDS), "client_encoding": "UTF8"}
    return {**defaults, **{key: str(value) for key, value in parts.items() if value is not None}}


def _require_supported(connection: psycopg.Connection, dsn: str) -> None:
    major = connection.info.server_version // 10000
    if major < OLDEST:
        raise ConfigurationError(
            f"{masked(dsn)} is PostgreSQL {major}; the warehouse needs {OLDEST} to {NEWEST}",
            next_step="upgrade the server, or name another one in the warehouse's DSN",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database {masked(dsn)} stores {encoding}, which cannot hold Vietnamese",
            next_step="make one with: create database ... encoding 'UTF8' template template0",
        )


# What libpq or the server says -> what it means, what to do, and whether it is a mistake of configuration.
# libpq gives no error codes for failed connections; a server that speaks another language gets the last, general words.
_FAULTS: tuple[tuple[str, str, str, bool], ...] = (
    (
        r"password authentication failed|no password supplied|role \".*\" does not exist",
        "the server refuses the user or the password",
        "correct them in the warehouse's DSN (special characters of a password are %-encoded in a URI)",
        True,
    ),
    (
        r"database \".*\" does not exist",
        "there is no such database on the server",
        "create it, owned by the DSN's user, or correct the name in the warehouse's DSN",
        True,
    ),
    (
        r"permission denied for database|not permitted to log in|no pg_hba.conf entry",
        "the server does not let this user into this database from here",
        "grant connect on the database to the user, or allow it in the server's pg_hba.conf",
        True,
    ),
    (
        r"could not translate host name|failed to resolve host|Name or service not known",
        "there is no host of that name",
        "correct the host in the warehouse's DSN",
        True,
    ),
    (r"SSL|certificate", "no agreement on encryption", "correct sslmode and sslrootcert in the warehouse's DSN", True),
    (
        r"Connection refused|No route to host|Network is unreachable|No such file or directory",
        "nothing listens there",
        "start that server, or correct host and port in the warehouse's DSN; for the embedded one: onestop up",
        False,
    ),
    (
        r"timeout expired|timed out",
        "no answer in time",
        "look whether the server is overloaded or a firewall is in between, then try again",
        False,
    ),
    (
        r"too many clients|too many connections|remaining connection slots",
        "the server has no room for another connection",
        "wait, or raise its max_connections",
        False,
    ),
    (
        r"starting up|shutting down|recovery mode|not yet accepting",
        "the server is starting or stopping",
        "try again in a moment",
        False,
    ),
)


def _explained(said: str, dsn: str) -> OnestopError:
    where = f"the warehouse at {masked(dsn)} cannot be reached"
    for pattern, meaning, next_step, configuration in _FAULTS:
        if re.search(pattern, said):
            kind = ConfigurationError if configuration else WarehouseUnavailable
            return kind(f"{where}: {meaning}", next_step=next_step)
    password = str(conninfo_to_dict(dsn).get("password") or "")
    text = said.replace(password, "***") if password else said
    return WarehouseUnavailable(f"{where}: {text.strip()}", next_step="mend what the server names, then try again")
