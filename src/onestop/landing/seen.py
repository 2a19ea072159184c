"""Which records of a chunk were served before: an unchanged one is a duplicate, whatever its first verdict."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

FEW = 10_000  # rows of a source in quarantine that are looked through in memory


def seen_before(
    cursor: psycopg.Cursor[tuple[object, ...]],
    *,
    source_id: str,
    entity: str,
    table: str,
    key_column: str,
    version_column: str,
    versions: Sequence[str | None],
    hashes: Sequence[bytes],
) -> tuple[set[bytes], set[tuple[str | None, str | None]]]:
    """Look up a chunk's records among all accepted and rejected ones, this run's earlier chunks included.

    Args:
        table, key_column, version_column: the raw table, and where it holds the key and the time of change.
        versions: the time of change of each record; hashes: content hash of each record.

    Returns:
        the content hashes that are known, and the (key, version) pairs that an accepted record has.
    """
    present = [v for v in versions if v is not None]
    names = {
        "key": sql.Identifier(key_column),
        "version": sql.Identifier(version_column),
        "table": sql.Identifier("raw", table),
    }
    known: set[bytes] = set()
    pairs: set[tuple[str | None, str | None]] = set()
    # A pull goes on where the one before ended, so that mostly there is nothing in its range.
    plain = all(v.isascii() and v.isdigit() for v in present)  # others are sorted differently from server to server
    if plain:
        cursor.execute(
            sql.SQL(
                "select exists (select from {table} where source_id = %s and {version} between %s and %s)"
                " or (%s and exists (select from {table} where source_id = %s and {version} is null))"
            ).format(**names),
            [source_id, min(present, default=""), max(present, default=""), len(present) < len(versions), source_id],
        )
    if not plain or cursor.fetchone() == (True,):
        cursor.execute(
            sql.SQL(
                "select content_hash, {key}, {version} from {table}"
                " where source_id = %s and ({version} = any(%s) or (%s and {version} is null))"
            ).format(**names),
            [source_id, sorted(set(present)), len(present) < len(versions)],
        )
        for content, key, version in cursor:
            known.add(bytes(content))  # type: ignore[call-overload]
            pairs.add((key, version))  # type: ignore[arg-type]
    return known | rejected_before(cursor, source_id, entity, hashes), pairs


def rejected_before(
    cursor: psycopg.Cursor[tuple[object, ...]], source_id: str, entity: str, hashes: Sequence[bytes]
) -> set[bytes]:
    """Which contents lie in quarantine: of all of its rows where they are few, else asked for one by one."""
    of_source = "select content_hash from quarantine.rejected_row where source_id = %s and entity = %s"
    cursor.execute(f"{of_source} limit %s".encode(), [source_id, entity, FEW + 1])
    found = {bytes(row[0]) for row in cursor}  # type: ignore[call-overload]
    if len(found) > FEW:
        cursor.execute(
            f"{of_source} and content_hash in (select decode(h, 'hex') from unnest(string_to_array(%s, ',')) h)".encode(),
            [source_id, entity, ",".join(h.hex() for h in hashes)],
        )
        found = {bytes(row[0]) for row in cursor}  # type: ignore[call-overload]
    return found.intersection(hashes)
