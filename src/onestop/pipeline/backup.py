"""Backups that a restore proved: dump, restore beside, compare the rows of every table and the hashes of every edition.

A backup is a folder `<maintenance.path>/<UTC stamp>/` with `warehouse.dump` and `manifest.json`, written last. Counts are
taken in the dump's own snapshot. Keys, landing and reference files are not in it: docs/operations.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from onestop import __version__
from onestop.clock import system_now
from onestop.config import Settings
from onestop.errors import ConfigurationError, OnestopError
from onestop.logs import say
from onestop.pipeline.ingest_result import Progress
from onestop.reporting.editions.canonical import hashed
from onestop.reporting.editions.tables import TABLES
from onestop.warehouse import dump as dumps
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.embedded import WAREHOUSE, EmbeddedPostgres
from onestop.warehouse.migrations import migrate

_log = logging.getLogger(__name__)
DUMP, MANIFEST = "warehouse.dump", "manifest.json"
_TABLES = """
    select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')
    order by schemaname collate "C", tablename collate "C"
"""


@dataclass(frozen=True)
class Backup:
    """One backup. proved: restored beside, and equal; it says how much was compared."""

    path: Path
    made_at: datetime
    tables: int
    rows: int
    editions: int
    bytes: int
    proved: bool


@dataclass(frozen=True)
class Restored:
    """A database that a backup was read into, and what was found equal."""

    database: str
    tables: int
    rows: int
    editions: int


def backup(settings: Settings, *, prove: bool = True, progress: Progress | None = None) -> Backup:
    """Dump the warehouse, prove the dump, remove backups beyond `maintenance.keep_backups`.

    Raises:
        ConfigurationError: no programs of the server's version, or no right to make the database of the proof.
        OnestopError: what was restored is not what was dumped; the backup is kept, without a proof.
        OnestopError: the dump failed, or the folder cannot be written.
    """
    started, dsn = system_now(), warehouse_dsn(settings)
    folder = settings.backups_path / f"{started:%Y%m%dT%H%M%S.%fZ}"  # two may begin within a second
    try:
        folder.mkdir(parents=True)
        folder.chmod(0o700)
    except OSError as problem:
        raise OnestopError(
            f"{folder} cannot be made: {problem.strerror or problem}",
            next_step="correct maintenance.path in province.yml",
        ) from None
    try:
        manifest = _dump(dsn, folder, started, progress)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if prove:
        _say(progress, "proof: restore beside")
        database = f"onestop_proof_{started:%Y%m%d%H%M%S%f}"
        with _beside(settings, dsn, database) as beside:
            _read_and_compare(beside, folder, manifest)
    made = Backup(
        folder, started, len(manifest["rows"]), sum(manifest["rows"].values()), len(manifest["editions"]),
        manifest["bytes"], prove,
    )  # fmt: skip
    kept = {"path": str(folder), "tables": made.tables, "rows": made.rows, "editions": made.editions}
    note(settings, "backup", started, kept | ({"proved": True} if prove else {}))
    for old in backups(settings)[: -settings.maintenance.keep_backups]:
        shutil.rmtree(old, ignore_errors=True)
    return made


def restore(settings: Settings, folder: Path | None, database: str, *, progress: Progress | None = None) -> Restored:
    """Read a backup (the newest where none is named) into a new database beside the warehouse, and compare.

    The warehouse itself is never touched: whoever restores points ONESTOP_WAREHOUSE_DSN at the new database, or renames it.

    Raises:
        ConfigurationError: no such backup, or there is such a database.
        OnestopError: the file is not what was written, or what was restored differs; the database is kept to look at.
    """
    started = system_now()
    found = folder or next(reversed(backups(settings)), None)
    if found is None or not (found / MANIFEST).is_file():
        raise ConfigurationError(
            f"{found or settings.backups_path} holds no backup",
            next_step="make one with `onestop backup`, or name its folder",
        )
    manifest: dict[str, Any] = json.loads((found / MANIFEST).read_text(encoding="utf-8"))
    if _sha256(found / DUMP) != manifest["sha256"]:
        raise OnestopError(
            f"{found / DUMP} is not the file that was written",
            next_step="take another backup; look at the disk it lies on",
        )
    dsn = warehouse_dsn(settings)
    _say(progress, f"restore into {database}")
    admin, owner = _makes_databases(settings, dsn)
    dumps.create_database(admin, database, owner)
    _read_and_compare(dumps.in_database(dsn, database), found, manifest)
    done = Restored(database, len(manifest["rows"]), sum(manifest["rows"].values()), len(manifest["editions"]))
    note(settings, "restore", started, {"path": str(found), "database": database, "rows": done.rows})
    return done


def backups(settings: Settings) -> list[Path]:
    """The finished ones, oldest first."""
    return sorted(path.parent for path in settings.backups_path.glob(f"*/{MANIFEST}"))


def note(settings: Settings, task: str, started: datetime, details: Mapping[str, Any]) -> None:
    """File a piece of maintenance in ops.maintenance_run."""
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        connection.execute(
            "insert into ops.maintenance_run (task, started_at, finished_at, details) values (%s, %s, %s, %s)",
            [task, started, system_now(), Jsonb(dict(details))],
        )
    say(_log, "maintenance", task=task, **details)


def _dump(dsn: str, folder: Path, started: datetime, progress: Progress | None) -> dict[str, Any]:
    with closing(connect(dsn, autocommit=True)) as connection:
        migrate(connection)
    with closing(connect(dsn)) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        ((snapshot,),) = connection.execute("select pg_export_snapshot()").fetchall()
        major = connection.info.server_version // 10000
        _say(progress, "dump")
        dumps.dump(dsn, folder / DUMP, snapshot=snapshot, server_major=major)
        (folder / DUMP).chmod(0o600)
        manifest = {
            "made_at": started.isoformat(),
            "code_version": __version__,
            "server_version": major,
            "bytes": (folder / DUMP).stat().st_size,
            "sha256": _sha256(folder / DUMP),
            **_content(connection),
        }
    new = folder / f".{MANIFEST}"
    new.write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    new.replace(folder / MANIFEST)
    return manifest


def _content(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Rows of every table, and the hash of each table of every edition, recomputed from its rows."""
    rows = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        counted = sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table))
        ((rows[f"{schema}.{table}"],),) = connection.execute(counted).fetchall()
    editions = connection.execute(
        "select edition_id, coalesce(sha256, '') from published.edition order by edition_id"
    ).fetchall()
    hashes = {
        str(edition): {"sha256": said, "content": [hashed(connection, edition, table).sha256 for table in TABLES]}
        for edition, said in editions
    }
    return {"rows": rows, "editions": hashes}


def _read_and_compare(dsn: str, folder: Path, manifest: Mapping[str, Any]) -> None:
    dumps.restore(dsn, folder / DUMP, server_major=int(manifest["server_version"]))
    with closing(connect(dsn)) as connection:
        found = _content(connection)
    differing = [
        f"{what} {name}"
        for what in ("rows", "editions")
        for name in sorted({*manifest[what], *found[what]})
        if manifest[what].get(name) != found[what].get(name)
    ]
    if differing:
        raise OnestopError(
            f"what was restored from {folder} differs in {', '.join(differing[:5])}"
            + (f" and {len(differing) - 5} more" if len(differing) > 5 else ""),
            next_step="do not rely on this backup: make another, and look at the disk it lies on",
        )


@contextmanager
def _beside(settings: Settings, dsn: str, database: str) -> Iterator[str]:
    admin, owner = _makes_databases(settings, dsn)
    with dumps.scratch_database(admin, database, owner):
        yield dumps.in_database(dsn, database)


def _makes_databases(settings: Settings, dsn: str) -> tuple[str, str | None]:
    """Who makes a database: the embedded server's administrator, elsewhere the warehouse's own role."""
    if settings.warehouse_dsn is None:
        return EmbeddedPostgres(settings.local).admin_dsn, WAREHOUSE
    return dsn, None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say(progress: Progress | None, step: str) -> None:
    if progress:
        progress(step, 0)
