"""Rotation of the two keys: what is stored follows the current ones. Loads go on meanwhile.

Encryption: files of the landing and sealed parts of rejected rows, one by one; killed, it goes on where it was. Hashes: the
values are no longer known, so that each new key hashes the hashes (onestop.crypto), all in one transaction: killed, nothing
has happened. What the old key alone could link, nobody can any more who has only that key.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import yaml
from psycopg import sql

from onestop.config import Settings
from onestop.crypto import hash_key_id, hashed_on
from onestop.landing.upkeep import Upkeep
from onestop.pipeline import hash_keys
from onestop.pipeline.ingest_result import Progress
from onestop.pipeline.keys import Keys, load_keys
from onestop.pipeline.lint_personal import REGISTER
from onestop.pipeline.warehouse_faults import explained
from onestop.warehouse.audit import note
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.migrations import migrate

CHUNK = 20_000
_TOKEN = re.compile(r"enc1:([0-9a-f]{8}):[A-Za-z0-9+/=]+")
_LOCK = "select pg_advisory_lock(hashtext('onestop.load'), hashtext(source_id)) from ops.source order by source_id"


@dataclass(frozen=True)
class Status:
    """Which keys are at hand and in use, by name: how many files and sealed texts are under each."""

    data_key: str
    data_keys: tuple[str, ...]
    files: dict[str, int]
    sealed: dict[str, int]
    hash_keys: tuple[str, ...]
    hashes_in_force: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether all that is stored is under the current keys, so that former data keys can go."""
        return not ({*self.files, *self.sealed} - {self.data_key}) and self.hash_keys == self.hashes_in_force


@dataclass
class Rotated:
    """How much was brought under the current keys."""

    files: int = 0
    sealed: int = 0
    hashes: dict[str, int] = field(default_factory=dict)


def status(settings: Settings) -> Status:
    """How far a rotation is."""
    keys = load_keys(settings)
    with owner(settings, "keys status") as connection:
        in_force = tuple(hash_keys.stored(connection)) or tuple(map(hash_key_id, keys.ring))
        return Status(
            keys.data.current.key_id,
            keys.data.ids,
            dict(Upkeep(settings.landing_url, keys.data, options=settings.landing_options).counts()),
            dict(_sealed(connection)),
            tuple(map(hash_key_id, keys.ring)),
            in_force,
        )


def rotate(settings: Settings, *, by: str, progress: Progress = lambda step, done: None) -> Rotated:
    """Bring everything under the current keys; what is there already is passed over.

    Raises:
        ConfigurationError: a former key is not at hand.
        DataRefused: a file of the landing was changed.
    """
    keys, done = load_keys(settings), Rotated()
    with owner(settings, "keys rotate") as connection:
        done.hashes = _rehash(settings, connection, keys, by=by, progress=progress)
        done.sealed = _reseal(connection, keys, progress)
        done.files = Upkeep(settings.landing_url, keys.data, options=settings.landing_options).reencrypt(
            lambda n: progress("landing", n)
        )
        if done.sealed or done.files:
            said = f"data key {keys.data.current.key_id}: {done.files} files, {done.sealed} rejected rows"
            note(connection, "key rotated", said, by)
    return done


@contextmanager
def owner(settings: Settings, step: str) -> Iterator[psycopg.Connection[Any]]:
    """The warehouse as its owner, at the newest version."""
    with explained(step), closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        migrate(connection)
        yield connection


@contextmanager
def without_loads(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Wait for running loads, and hold back new ones while the block runs."""
    connection.execute(_LOCK)
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock_all()")


def hashed_columns(connection: psycopg.Connection[Any]) -> list[tuple[str, str, str]]:
    """Every stored column with hashes of persons: schema, table, column; those of the register that are tables now."""
    register = yaml.safe_load(REGISTER.read_text(encoding="utf-8"))["columns"]
    places = [place.split(".") for place, facts in register.items() if facts["protection"] == "hashed"]
    tables = {
        (schema, table)
        for schema, table in connection.execute("select schemaname, tablename from pg_tables").fetchall()
    }
    return [(schema, table, column) for schema, table, column in places if (schema, table) in tables]


def _sealed(connection: psycopg.Connection[Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    rows = connection.execute(
        "select distinct on (rejected_id, key[1]) key[1] from quarantine.rejected_row"
        " cross join lateral regexp_matches(payload::text, 'enc1:([0-9a-f]{8}):', 'g') as key"
    )
    found.update(row[0] for row in rows)
    return found


def _reseal(connection: psycopg.Connection[Any], keys: Keys, progress: Progress) -> int:
    """The sealed parts of rejected rows under the current key, a chunk at a time."""
    done, last = 0, 0
    current = keys.data.current.key_id
    while True:
        rows = connection.execute(
            "select rejected_id, payload::text from quarantine.rejected_row where rejected_id > %s"
            " and payload::text ~ ('enc1:(?!' || %s || ')') order by rejected_id limit %s",
            [last, current, CHUNK],
        ).fetchall()
        if not rows:
            return done
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                "update quarantine.rejected_row set payload = %s where rejected_id = %s and payload::text = %s",
                [(_TOKEN.sub(lambda t: keys.encrypt_payload(keys.decrypt_payload(t[0])), text), row, text)
                 for row, text in rows],
            )  # fmt: skip
        done, last = done + len(rows), rows[-1][0]
        progress("rejected rows", done)


def _rehash(
    settings: Settings, connection: psycopg.Connection[Any], keys: Keys, *, by: str, progress: Progress
) -> dict[str, int]:
    """All hashes that are stored, one step of the chain per new key; table -> rows."""
    with without_loads(connection):
        hash_keys.in_force(connection, keys)
        names = hash_keys.stored(connection)
        added = keys.ring[hash_keys.fitting(keys, names) :]
        if not added:
            return {}
        changed: dict[str, int] = {}
        with closing(connect(warehouse_dsn(settings))) as reading, connection.transaction():
            records = connection.execute(
                "select table_schema, table_name, column_name from information_schema.columns"
                " where column_name = 'content_hash' and table_schema in ('raw', 'quarantine') order by 1, 2"
            ).fetchall()
            steps = [(place, "record", True) for place in records]
            steps += [(place, "person", False) for place in hashed_columns(connection)]
            for place, purpose, is_binary in steps:
                progress(f"hashes of {place[0]}.{place[1]}", 0)

                def renewed(old: list[bytes], purpose: str = purpose) -> list[bytes]:
                    return hashed_on(old, added, purpose)

                changed[".".join(place)] = _replace(reading, connection, place, is_binary, renewed)
            hash_keys.note(connection, [hash_key_id(key) for key in added], first=len(names) + 1)
            note(connection, "key rotated", f"hash key {hash_key_id(added[-1])}: {sum(changed.values())} hashes", by)
        return changed


def _replace(
    reading: psycopg.Connection[Any],
    writing: psycopg.Connection[Any],
    place: tuple[str, str, str],
    is_binary: bool,
    renewed: Callable[[list[bytes]], list[bytes]],
) -> int:
    """Put the new hashes of a column in the place of the old ones; how many rows."""
    schema, table, column = place
    names = {"table": sql.Identifier(schema, table), "column": sql.Identifier(column)}
    shown = sql.SQL("encode({column}, 'hex')" if is_binary else "{column}").format(**names)
    writing.execute("create temporary table renewed_hash (old text primary key, new text not null) on commit drop")
    with reading.cursor(name="hashes") as cursor:
        cursor.itersize = CHUNK
        cursor.execute(
            sql.SQL("select distinct {shown} from {table} where {column} is not null").format(shown=shown, **names)
        )
        while rows := cursor.fetchmany(CHUNK):
            old = [row[0] for row in rows]
            new = renewed([bytes.fromhex(text) for text in old])
            with writing.cursor().copy("copy renewed_hash from stdin") as copy:
                for was, becomes in zip(old, new, strict=True):
                    copy.write_row((was, becomes.hex()))
    reading.rollback()
    writing.execute("analyze renewed_hash")
    value = sql.SQL("decode(renewed_hash.new, 'hex')" if is_binary else "renewed_hash.new")
    done = writing.execute(
        sql.SQL(
            "update {table} as held set {column} = {value} from renewed_hash where {was} = renewed_hash.old"
        ).format(
            value=value,
            was=sql.SQL("encode(held.{column}, 'hex')" if is_binary else "held.{column}").format(**names),
            **names,
        )
    )
    writing.execute("drop table renewed_hash")
    return done.rowcount
