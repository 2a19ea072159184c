"""pg_dump and pg_restore of the warehouse: programs of the server's own version, passwords never on a command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from onestop.errors import ConfigurationError, OnestopError, WarehouseUnavailable
from onestop.warehouse import binaries, rights
from onestop.warehouse.connection import connect

_SYSTEM = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")


def program(name: str, server_major: int) -> Path:
    """The program of the server's own version, else the oldest newer one: from PATH, the system's folders, the package.

    Raises:
        ConfigurationError: all there are, are older.
    """
    candidates = [Path(place.format(server_major)) / name for place in _SYSTEM]
    candidates += [Path(found) for found in [shutil.which(name)] if found]
    with suppress(WarehouseUnavailable):
        candidates.append(binaries.find().program(name))
    versions: dict[int, Path] = {}
    for path in candidates:
        if path.is_file():
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
            if version := re.search(r"\d+", said):
                versions.setdefault(int(version.group()), path)
    if new_enough := [version for version in versions if version >= server_major]:
        return versions[min(new_enough)]
    raise ConfigurationError(
        f"there is no {name} for PostgreSQL {server_major}",
        next_step=f"install its client programs, so that {name} is on PATH",
    )


def dump(dsn: str, target: Path, *, snapshot: str, server_major: int) -> None:
    """Write the whole database as of a snapshot, rights included, compressed, in PostgreSQL's own format."""
    _run(
        [program("pg_dump", server_major), "--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={target}"],
        dsn,
    )  # fmt: skip


def restore(dsn: str, source: Path, *, server_major: int) -> None:
    """Read a dump into an empty database, all or nothing. Its rights name roles: those that this server lacks are made."""
    with closing(connect(dsn, autocommit=True)) as connection:
        rights.make_roles(connection)
    _run(
        [program("pg_restore", server_major), "--no-owner", "--exit-on-error", "--single-transaction",
         f"--dbname={conninfo_to_dict(dsn)['dbname']}", str(source)],
        dsn,
    )  # fmt: skip


def in_database(dsn: str, name: str) -> str:
    """The same server, another database."""
    if "://" in dsn:
        return urlsplit(dsn)._replace(path=f"/{name}").geturl()
    return psycopg.conninfo.make_conninfo(dsn, dbname=name)


def create_database(admin_dsn: str, name: str, owner: str | None = None) -> None:
    """An empty database beside the others.

    Raises:
        ConfigurationError: there is one of that name, or the role may not make one.
    """
    with closing(connect(admin_dsn, autocommit=True)) as connection:
        made = sql.SQL("create database {} template template0 encoding 'UTF8'").format(sql.Identifier(name))
        if owner:
            made += sql.SQL(" owner {}").format(sql.Identifier(owner))
        try:
            connection.execute(made)
        except psycopg.errors.DuplicateDatabase:
            raise ConfigurationError(
                f"there is a database {name!r} already; nothing was changed",
                next_step="name another one with --database",
            ) from None
        except psycopg.errors.InsufficientPrivilege:
            raise ConfigurationError(
                f"the role {connection.info.user!r} may not make databases",
                next_step=f"as the server's administrator: alter role {connection.info.user} createdb",
            ) from None


@contextmanager
def scratch_database(admin_dsn: str, name: str, owner: str | None = None) -> Iterator[None]:
    """A database for the length of the block."""
    create_database(admin_dsn, name, owner)
    try:
        yield
    finally:
        with closing(connect(admin_dsn, autocommit=True)) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def _run(command: Sequence[Path | str], dsn: str) -> None:
    parts = conninfo_to_dict(dsn)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
             "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "passfile": "PGPASSFILE"}  # fmt: skip
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG") or k == "PGPASSFILE"}
    given = {names[key]: str(value) for key, value in parts.items() if key in names and value is not None}
    done = subprocess.run(
        [str(part) for part in command], env=kept | given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        # The first line: those after it may quote rows.
        said = next((line for line in done.stderr.splitlines() if "error" in line.lower()), done.stderr[:300]).strip()
        raise OnestopError(
            f"{Path(command[0]).name} failed: {said[:300]}",
            next_step="mend what it names; nothing of the warehouse was changed",
        )
