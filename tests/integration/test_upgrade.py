"""Upgrades with data: from the schema of every earlier version of onestop, each table with a row, to the newest one.

No version was released yet, so each migration counts as one. A row is made of what the table itself asks for: types,
checks, references; what must be told beside that stands in TOLD. Triggers that keep an
edition's life in order do not act on it. After the upgrade every row is there with what it held.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import FOLDER, migrate, read

pytestmark = pytest.mark.integration
VERSIONS = [migration.version for migration in read()]
SCHEMAS = ("raw", "ops", "quarantine", "published")
# The runner's own ledger, and what a migration or the rights fill by themselves.
NOT_SEEDED = {"ops.schema_migration", "ops.declaration", "ops.declared_right"}
# column, or table.column: a value that its type and checks do not give away.
TOLD: dict[str, Any] = {
    "ops.load_batch.received": 4,  # what came is what became of it
    "ops.alert.event": "seen",
    "published.edition.status": "published",
    "published.edition.sha256": "a" * 64,
    "published.edition.manifest": "x",
    "published.edition.approved_by": "x",
    "published.edition.published_at": datetime(2024, 9, 25, tzinfo=UTC),
    "published.delivery.kind": "draft",
    "published.unit_statement.kind": "confirmed",
    "published.unit_statement.file_sha256": "a" * 64,
}

_TABLES = """
    select table_schema, table_name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema = any(%s) order by 1, 2
"""
_COLUMNS = """
    select a.attname, format_type(a.atttypid, null), a.attnotnull,
        coalesce(a.attidentity <> '' or a.attgenerated <> '' or d.oid is not null, false)
    from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
_CHECKS = "select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'c'"
_REFERENCES = """
    select a.attname, f.relname, n.nspname, fa.attname
    from pg_constraint c
    join pg_class f on f.oid = c.confrelid join pg_namespace n on n.oid = f.relnamespace
    cross join lateral unnest(c.conkey, c.confkey) as pair (here, there)
    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = pair.here
    join pg_attribute fa on fa.attrelid = c.confrelid and fa.attnum = pair.there
    where c.conrelid = %s::regclass and c.contype = 'f'
"""
_BY_TYPE: dict[str, Any] = {
    "text": "x", "character varying": "x", "bigint": 1, "integer": 1, "smallint": 1, "numeric": 1, "double precision": 1.0,
    "real": 1.0, "boolean": True, "date": date(2024, 8, 1), "timestamp with time zone": datetime(2024, 8, 1, tzinfo=UTC),
    "timestamp without time zone": datetime(2024, 8, 1), "jsonb": Jsonb({"kept": "as it was"}), "bytea": b"\x01" * 32,
    "text[]": ["x"], "bigint[]": [1], "integer[]": [1], "uuid": "00000000-0000-0000-0000-000000000001", "interval": "1 day",
    "name": "x", "time without time zone": "08:00", "daterange": "[2024-01-01,2024-02-01)",
}  # fmt: skip


def at_version(connection: psycopg.Connection[Any], version: int, folder: Path) -> None:
    """A database as the onestop of that migration left it."""
    folder.mkdir()
    for file in sorted(FOLDER.glob("*.sql"))[:version]:
        shutil.copy(file, folder)
    migrate(connection, folder)


def seed(connection: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """A row for every table, parents first; what each table holds then."""
    waiting = [f"{schema}.{table}" for schema, table in connection.execute(_TABLES, [list(SCHEMAS)]).fetchall()]
    waiting = [table for table in waiting if table not in NOT_SEEDED]
    every, problems = list(waiting), dict[str, str]()
    while waiting:
        left = [table for table in waiting if not _filled(connection, table, problems)]
        assert len(left) < len(waiting), {table: problems[table] for table in left}
        waiting = left
    return {table: rows(connection, table) for table in every}


def rows(connection: psycopg.Connection[Any], table: str) -> list[dict[str, Any]]:
    """Each row as an object."""
    found = connection.execute(f"select to_jsonb(t) from {table} t order by to_jsonb(t)::text".encode()).fetchall()
    return [row for (row,) in found]


def _filled(connection: psycopg.Connection[Any], table: str, problems: dict[str, str]) -> bool:
    if rows(connection, table):
        return True
    checks = [text for (text,) in connection.execute(_CHECKS, [table]).fetchall()]
    parents = {
        here: (f"{schema}.{name}", there) for here, name, schema, there in connection.execute(_REFERENCES, [table])
    }
    given: dict[str, Any] = {}
    for column, kind, is_needed, is_made in connection.execute(_COLUMNS, [table]).fetchall():
        if is_made and f"{table}.{column}" not in TOLD:
            continue
        if column in parents:
            parent, there = parents[column]
            found = connection.execute(f'select "{there}" from {parent} limit 1'.encode()).fetchone()
            if found is None and is_needed:
                problems[table] = f"{parent} has no row yet"
                return False
            given[column] = found[0] if found else None
        elif f"{table}.{column}" in TOLD or column in TOLD:
            given[column] = TOLD.get(f"{table}.{column}", TOLD.get(column))
        else:
            given[column] = _value(column, kind, checks) if is_needed else None
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, given)),
        sql.SQL(", ").join(sql.Placeholder() * len(given)),
    )
    try:
        with connection.transaction():
            connection.execute(f"alter table {table} disable trigger user".encode())
            connection.execute(statement, list(given.values()))
            connection.execute("set constraints all immediate")
            connection.execute(f"alter table {table} enable trigger user".encode())
    except psycopg.Error as problem:
        problems[table] = f"{problem} {given}"
        return False
    return True


def _value(column: str, kind: str, checks: list[str]) -> Any:
    """The first literal that a check of the column names, a hash where a check wants one, or a plain value of its type."""
    if kind.endswith("[]"):
        return []
    if kind == "text":
        for check in checks:
            if re.search(rf"\b{column}\b", check):
                if "{64}" in check:
                    return "a" * 64
                if listed := re.search(rf"\({column} = ANY \(ARRAY\['([^']+)'", check):
                    return listed[1]
    return _BY_TYPE[kind]


@pytest.fixture
def database(empty_database: str) -> Iterator[psycopg.Connection[Any]]:
    with closing(connect(empty_database, autocommit=True)) as connection:
        yield connection


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_every_row_of_every_earlier_version_is_there_after_the_upgrade(
    version: int, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    at_version(database, version, tmp_path / "then")
    before = seed(database)
    assert version == 1 or sum(map(len, before.values())) >= 3

    applied = migrate(database)
    assert [int(name[:4]) for name in applied] == VERSIONS[version:]
    for table, then in before.items():
        now = rows(database, table)
        for row in then:
            kept = [one for one in now if all(one.get(column) == value for column, value in row.items())]
            assert kept, f"{table}: {row} is not among {now}"
    assert migrate(database) == []
