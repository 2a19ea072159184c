"""Which records of a chunk were served before: an unchanged one is a duplicate, whatever its first verdict."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql


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
    cursor.execute(
        sql.SQL(
            "select content_hash, {key}, {version} from {table}"
            " where source_id = %s and ({version} = any(%s)"
            " or (%s and {version} is null))"
        ).format(
            key=sql.Identifier(key_column), version=sql.Identifier(version_column), table=sql.Identifier("raw", table)
        ),
        [source_id, sorted({v for v in versions if v is not None}), None in versions],
    )
    known: set[bytes] = set()
    pairs: set[tuple[str | None, str | None]] = set()
    for content, key, version in cursor:
        known.add(bytes(content))  # type: ignore[call-overload]
        pairs.add((key, version))  # type: ignore[arg-type]
    cursor.execute(
        "select content_hash from quarantine.rejected_row where source_id = %s and entity = %s"
        " and content_hash in (select decode(h, 'hex') from unnest(string_to_array(%s, ',')) h)",
        [source_id, entity, ",".join(h.hex() for h in hashes)],
    )
    known.update(bytes(row[0]) for row in cursor)  # type: ignore[call-overload]
    return known, pairs
