"""The warehouse's numbered SQL files, applied in order, each once, all or none.

Files are `migrations/NNNN_name.sql`. What was applied stands in ops.schema_migration with the file's hash: an applied
file never changes afterwards; a later change is a new file. After them comes what rights.yml declares.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from onestop.config import Settings
from onestop.errors import ConfigurationError, OnestopError, WarehouseUnavailable
from onestop.warehouse import rights
from onestop.warehouse.connection import connect, require_writable, warehouse_dsn

FOLDER = Path(__file__).resolve().parent / "migrations"
_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x0E57_0B01  # any number, the same in every version of onestop
LOCK_SECONDS = 600

_LEDGER = """\
create schema if not exists ops;
create table if not exists ops.schema_migration (
    version int primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default now()
);
comment on table ops.schema_migration is 'Which migrations this database has had. Written by the runner.';
"""


@dataclass(frozen=True)
class Migration:
    """One SQL file."""

    version: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the text; the same whatever line ends a checkout gives the file."""
        return hashlib.sha256(self.text.replace("\r\n", "\n").encode()).hexdigest()


def migrate(connection: psycopg.Connection, folder: Path = FOLDER) -> list[str]:
    """Bring the database to the newest version, in one transaction; two at once wait for each other.

    Args:
        connection: without an open transaction; it has none afterwards.
        folder: where the SQL files are.

    Returns:
        The names of the files applied now, such as 0001_schemas; empty if there was nothing to do.

    Raises:
        ConfigurationError: a file that was applied has changed or is missing, the database is newer than this
            version of onestop, or it cannot be written.
        OnestopError: a file failed; the database is as it was.
        WarehouseUnavailable: the connection broke, the disk is full, or somebody holds a lock for ten minutes.
        ValueError: the connection has an open transaction.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise ValueError("migrate() needs a connection without an open transaction")
    files = read(folder)
    require_writable(connection)
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{LOCK_SECONDS}s'")
            connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
            pending = _pending(files, _applied(connection))
            for migration in pending:
                _apply(connection, migration)
            if folder == FOLDER:
                rights.apply(connection, anew=bool(pending))
    except errors.LockNotAvailable:
        raise WarehouseUnavailable(
            f"another process has held the warehouse's tables for {LOCK_SECONDS} s; nothing was changed",
            next_step="see pg_stat_activity for who it is, then try again",
        ) from None
    except errors.DiskFull:
        raise WarehouseUnavailable(
            "the database server's disk is full; the migrations were rolled back",
            next_step="free some space on that disk, then try again",
        ) from None
    except psycopg.OperationalError as problem:
        raise WarehouseUnavailable(
            f"the server gave up during the migrations, which were rolled back: {_short(problem)}",
            next_step="mend what it names, then try again",
        ) from None
    return [m.name for m in pending]


def migrated(settings: Settings, role: rights.Role) -> str:
    """The DSN of a step's role, to a warehouse at the newest version. The owner brings it there; where this process has
    the login of the role alone, somebody else has to.

    Raises:
        ConfigurationError: only the role's login is here, and the warehouse is not at the newest version.
        OnestopError: as migrate() does.
    """
    if settings.warehouse_dsn_of(role) and not settings.warehouse_dsn:
        dsn = warehouse_dsn(settings, role)
        with closing(connect(dsn, role=role)) as connection:
            if _pending(read(), _applied(connection)):
                raise ConfigurationError(
                    "the warehouse is not at the version of this onestop",
                    next_step="run `onestop roles apply` where the owner's DSN is set",
                )
        return dsn
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        migrate(connection)
    return warehouse_dsn(settings, role)


def read(folder: Path = FOLDER) -> list[Migration]:
    """The SQL files, in order.

    Raises:
        ConfigurationError: there are none, one is misnamed, or the numbers are not 1, 2, 3 ...
    """
    found = []
    for file in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(file.name)
        if match is None:
            raise ConfigurationError(
                f"{file} is no name of a migration", next_step="name it like 0007_what_it_does.sql"
            )
        found.append(Migration(int(match[1]), file.stem, file.read_text("utf-8")))
    if not found:
        raise ConfigurationError(f"there are no migrations in {folder}", next_step="install onestop again")
    for number, migration in enumerate(found, start=1):
        if migration.version != number:
            raise ConfigurationError(
                f"migrations must count 0001, 0002 ...: {migration.name} stands where {number:04d} should",
                next_step="renumber the newest file",
            )
    return found


def _applied(connection: psycopg.Connection) -> dict[int, tuple[str, str]]:
    there = connection.execute("select to_regclass('ops.schema_migration') is not null").fetchone()
    if not there or not there[0]:
        return {}
    rows = connection.execute("select version, name, sha256 from ops.schema_migration order by version").fetchall()
    return {version: (name, sha256) for version, name, sha256 in rows}


def _pending(files: list[Migration], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    newest = max(applied, default=0)
    if newest > len(files):
        raise ConfigurationError(
            f"the database is at migration {applied[newest][0]}, newer than this onestop, which knows {files[-1].name}",
            next_step="install the onestop version that made it, or a later one",
        )
    for migration in files:
        if (had := applied.get(migration.version)) and had != (migration.name, migration.sha256):
            raise ConfigurationError(
                f"{migration.name}.sql is not what was applied to this database (as {had[0]})",
                next_step="restore the file as it was, and put the change into a new one",
            )
    return [m for m in files if m.version not in applied]


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        connection.execute(migration.text.encode())
        connection.execute(_LEDGER.encode())
        connection.execute(
            "insert into ops.schema_migration (version, name, sha256) values (%s, %s, %s)",
            [migration.version, migration.name, migration.sha256],
        )
    except (errors.DuplicateSchema, errors.DuplicateTable) as problem:
        raise OnestopError(
            f"{migration.name}.sql: {_short(problem)}; everything was rolled back",
            next_step="the warehouse wants a database of its own: give it an empty one",
        ) from None
    except errors.InsufficientPrivilege as problem:
        raise ConfigurationError(
            f"{migration.name}.sql: {_short(problem)}; everything was rolled back",
            next_step=f"make {connection.info.user} the owner of the database and of all in it",
        ) from None
    except psycopg.OperationalError:
        raise
    except psycopg.Error as problem:
        position = problem.diag.statement_position
        line = f", line {migration.text[: int(position)].count(chr(10)) + 1}" if position else ""
        raise OnestopError(
            f"{migration.name}.sql{line}: {_short(problem)}; everything was rolled back",
            next_step="mend what it names; the database is as it was before",
        ) from None


def _short(problem: psycopg.Error) -> str:
    """The server's first line; the lines after it may quote rows."""
    return problem.diag.message_primary or str(problem).splitlines()[0]
