"""Rejected rows that a later delivery corrected: a newer version of the key was accepted, so nobody has to act.

A load keeps in mind which keys wait in quarantine (few) and which of them it accepted; at its end, in its own
transaction, the rows that were overtaken become `replayed`, with the batch that brought the correction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg import sql

Cursor = psycopg.Cursor[tuple[object, ...]]
SYSTEM = "onestop"
"""Who does what no person asked for."""

# Later: by version, then by place; a row whose version cannot be read is older than whatever comes after it.
_OVERTAKEN = """
    with accepted as (
        select * from unnest(%(keys)s::text[], %(versions)s::text[], %(rows)s::int[], %(last_rows)s::int[])
            as accepted (key_code, version, row_number, last_row)
    ),
    overtaken as (
        update quarantine.rejected_row as r set status = 'replayed'
        from accepted as a
        where r.source_id = %(source)s and r.entity = %(entity)s and r.status = 'open' and r.key_code = a.key_code
            and case
                when r.version is null then r.batch_id < %(batch)s or r.row_number < a.last_row
                when r.version = a.version then r.batch_id < %(batch)s or r.row_number < a.row_number
                else r.version < a.version collate "C"
            end
        returning r.rejected_id, r.rule_ids
    )
    insert into quarantine.row_event (rejected_id, event, status_before, status_after, happened_at, by_whom, reason,
        batch_id, rule_ids_before, rule_ids_after)
    select rejected_id, 'corrected', 'open', 'replayed', %(at)s, %(by)s, 'a later version was accepted', %(batch)s,
        rule_ids, rule_ids
    from overtaken
"""

# The same over all of raw. A row that a replay took back keeps its place in the delivery that brought it first.
_OVERTAKEN_IN_RAW = """
    with overtaken as (
        select distinct on (r.rejected_id) r.rejected_id, n.batch_id
        from quarantine.rejected_row as r
        inner join {table} as n on n.source_id = r.source_id and n.{key} = r.key_code
        inner join ops.load_batch as b on b.batch_id = n.batch_id
        where r.source_id = %(source)s and r.entity = %(entity)s and r.status = 'open'
            and case
                when r.version is null or r.version = n.{version}
                    then (coalesce(b.replays_batch_id, b.batch_id), n.row_number) > (r.batch_id, r.row_number)
                else n.{version} ~ '^[0-9]{{14}}$' and r.version < n.{version} collate "C"
            end
        order by r.rejected_id, n.batch_id
    ),
    closed as (
        update quarantine.rejected_row as r set status = 'replayed'
        from overtaken where r.rejected_id = overtaken.rejected_id
        returning r.rejected_id, r.rule_ids, overtaken.batch_id
    )
    insert into quarantine.row_event (rejected_id, event, status_before, status_after, happened_at, by_whom, reason,
        batch_id, rule_ids_before, rule_ids_after)
    select rejected_id, 'corrected', 'open', 'replayed', %(at)s, %(by)s, 'a later version was accepted', batch_id,
        rule_ids, rule_ids
    from closed
"""


@dataclass
class _Accepted:
    """The latest accepted version of a key (None: none can be read), its last place, and the key's last place."""

    version: str | None
    row: int
    last_row: int


@dataclass
class Corrections:
    """What one load accepted of the keys that wait in quarantine."""

    source_id: str
    entity: str
    _waiting: set[str] | None = None
    _accepted: dict[str, _Accepted] = field(default_factory=dict)

    def waiting(self, cursor: Cursor) -> set[str]:
        """The keys that wait in quarantine, those of this load included."""
        if self._waiting is None:
            cursor.execute(
                "select distinct key_code from quarantine.rejected_row"
                " where source_id = %s and entity = %s and status = 'open' and key_code is not null",
                [self.source_id, self.entity],
            )
            self._waiting = {str(row[0]) for row in cursor}
        return self._waiting

    def note_accepted(self, keys: Sequence[str | None], versions: Sequence[str | None], rows: Sequence[int]) -> None:
        """Records that go to raw, by their keys, versions (None: cannot be read) and places in the delivery."""
        waiting = self._waiting
        if not waiting or waiting.isdisjoint(keys):
            return
        for key, version, row in zip(keys, versions, rows, strict=True):
            if key is None or key not in waiting:
                continue
            found = self._accepted.get(key)
            if found is None:
                self._accepted[key] = _Accepted(version, row, row)
                continue
            found.last_row = max(found.last_row, row)
            if (version or "", row) >= (found.version or "", found.row):
                found.version, found.row = version, row

    def note_rejected(self, cursor: Cursor, keys: Iterable[str | None]) -> None:
        """Records that go to quarantine: a later one of this very load may correct them."""
        self.waiting(cursor).update(key for key in keys if key is not None)

    def settle(self, cursor: Cursor, batch_id: int, at: datetime) -> int:
        """Close what this load's accepted rows overtook; the caller commits. Returns how many rows that were."""
        if not self._accepted:
            return 0
        found = self._accepted
        cursor.execute(
            _OVERTAKEN,
            {
                "keys": list(found),
                "versions": [a.version for a in found.values()],
                "rows": [a.row for a in found.values()],
                "last_rows": [a.last_row for a in found.values()],
                "source": self.source_id,
                "entity": self.entity,
                "batch": batch_id,
                "at": at,
                "by": SYSTEM,
            },
        )
        return cursor.rowcount


def settle_all(cursor: Cursor, *, source_id: str, entity: str, table: str, key: str, version: str, at: datetime) -> int:
    """Close every open row of a source that raw has overtaken, in whatever order the two came; the caller commits.

    A load settles what it accepts itself; this finds old versions that came after their correction, too.

    Args:
        table, key, version: the raw table, and its columns of the key and of the time of change.

    Returns:
        how many rows were closed.
    """
    names = {"table": sql.Identifier("raw", table), "key": sql.Identifier(key), "version": sql.Identifier(version)}
    values = {"source": source_id, "entity": entity, "at": at, "by": SYSTEM}
    cursor.execute(sql.SQL(_OVERTAKEN_IN_RAW).format(**names), values)
    return cursor.rowcount
