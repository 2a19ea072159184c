"""Rows that pass go back into raw, to the places that they would have had; what still fails is counted.

The ledger gets one row per delivery that gets rows back (`origin` "replay of quarantine"): accepted are the rows that
pass; a row that still fails, and one that goes into a further file of the portal, counts as duplicate, as any unchanged
record that is served again. A delivery that gets no row back gets no ledger row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import sql

from onestop.config import Settings
from onestop.landing import ledger
from onestop.pipeline.entities import Entity, some
from onestop.pipeline.keys import Keys
from onestop.pipeline.loading import Loader
from onestop.quality.batch import BatchFacts
from onestop.quality.reference import ReferenceIndex
from onestop.sources.records import Shaped

Cursor = psycopg.Cursor[tuple[object, ...]]
ORIGIN = "replay of quarantine"


@dataclass(frozen=True)
class Row:
    """A rejected row without its payload."""

    rejected_id: int
    batch_id: int
    row_number: int
    key_code: str | None
    version: str | None
    content_hash: bytes
    first_seen_at: datetime
    rule_ids: Sequence[str]
    is_open: bool

    @classmethod
    def of(cls, values: Sequence[Any]) -> tuple[Row, Mapping[str, Any]]:
        """A row and its payload, out of a query's row."""
        number, batch, place, key, version, content, payload, seen, rules, status = values
        return cls(number, batch, place, key, version, bytes(content), seen, rules, status == "open"), payload


@dataclass(frozen=True)
class Home:
    """A file that holds a row: the delivery that brought it, and the row's place there.

    is_doubled: the file holds another content under the key; uniqueness is judged within one file.
    """

    file_id: int
    batch_id: int
    row_number: int
    is_doubled: bool


@dataclass(frozen=True)
class Homes:
    """All files that hold a row, in the order of their loading; the newest one decides whether it passes."""

    files: tuple[Home, ...]

    @property
    def newest(self) -> Home:
        """The file loaded last."""
        return self.files[-1]


@dataclass(frozen=True)
class Judged:
    """A row's new verdict, and for the portal's rows where they belong."""

    row: Row
    rule_ids: list[str]
    warning_ids: list[str]
    homes: Homes | None

    @property
    def main_batch(self) -> int:
        """The delivery in which the row counts as accepted."""
        return self.homes.newest.batch_id if self.homes else self.row.batch_id


_HOMES = """
    with home as (
        select r.rejected_id, f.file_id, f.batch_id, r.row_number, r.key_code
        from quarantine.rejected_row as r
        inner join ops.portal_file as f on f.batch_id = r.batch_id and f.twin_of is null
        where r.rejected_id = any(%(rows)s)
        union
        select r.rejected_id, f.file_id, f.batch_id, s.row_number, r.key_code
        from quarantine.row_sighting as s
        inner join quarantine.rejected_row as r using (rejected_id)
        inner join ops.portal_file as f using (file_id)
        where r.rejected_id = any(%(rows)s)
    ),
    held as (
        select n.file_id, n.{key} as key_code, n.content_hash
        from {table} as n
        where n.file_id in (select file_id from home) and n.{key} in (select key_code from home)
        union
        select f.file_id, r.key_code, r.content_hash
        from quarantine.rejected_row as r
        inner join ops.portal_file as f on f.batch_id = r.batch_id and f.twin_of is null
        where f.file_id in (select file_id from home) and r.key_code in (select key_code from home)
        union
        select s.file_id, r.key_code, r.content_hash
        from quarantine.row_sighting as s
        inner join quarantine.rejected_row as r using (rejected_id)
        where s.file_id in (select file_id from home) and r.key_code in (select key_code from home)
    ),
    doubled as (select file_id, key_code from held group by 1, 2 having count(*) > 1)
    select home.rejected_id, home.file_id, home.batch_id, home.row_number,
        exists (select from doubled where (doubled.file_id, doubled.key_code) = (home.file_id, home.key_code))
    from home
    order by home.rejected_id, home.file_id
"""


def read_homes(cursor: Cursor, rows: Sequence[Row], table: str, key_column: str, *, unique: bool) -> dict[int, Homes]:
    """Where each row stands; `unique`: whether a file may hold a key but once (payments, ratings)."""
    query = sql.SQL(_HOMES).format(table=sql.Identifier("raw", table), key=sql.Identifier(key_column))
    cursor.execute(query, {"rows": [row.rejected_id for row in rows]})
    found: dict[int, list[Home]] = {}
    for rejected_id, file_id, batch_id, place, is_doubled in cursor.fetchall():
        home = Home(int(str(file_id)), int(str(batch_id)), int(str(place)), unique and bool(is_doubled))
        found.setdefault(int(str(rejected_id)), []).append(home)
    return {rejected_id: Homes(tuple(homes)) for rejected_id, homes in found.items()}


@dataclass
class Return:
    """Takes judged rows back on the caller's open transaction; `finish` writes ledger, statuses and history."""

    cursor: Cursor
    settings: Settings
    keys: Keys
    source_id: str
    entity: Entity
    reference: ReferenceIndex
    as_of: datetime
    replayed: int = 0
    rules_changed: int = 0
    batch_ids: list[int] = field(default_factory=list)
    _loaders: dict[int, Loader] = field(default_factory=dict)
    _failed: dict[int, int] = field(default_factory=dict)
    _judged: list[Judged] = field(default_factory=list)

    def take(self, chunk: Shaped, judged: Sequence[Judged]) -> None:
        """Copy the rows that pass; `chunk` holds their records in the same order."""
        copies: dict[tuple[int, int | None], list[tuple[int, int]]] = {}
        for place, one in enumerate(judged):
            self._judged.append(one)
            if one.rule_ids:
                if one.row.is_open:
                    self._failed[one.row.batch_id] = self._failed.get(one.row.batch_id, 0) + 1
                continue
            if one.homes is None:
                copies.setdefault((one.row.batch_id, None), []).append((place, one.row.row_number))
            for home in one.homes.files if one.homes else ():
                if not home.is_doubled:
                    copies.setdefault((home.batch_id, home.file_id), []).append((place, home.row_number))
                if home.batch_id != one.main_batch:
                    self._count(home.batch_id, "duplicate")
            self._count(one.main_batch, "accepted")
        for (batch_id, file_id), rows in copies.items():
            self._copy(batch_id, file_id, rows, chunk, judged)

    def _copy(
        self, batch_id: int, file_id: int | None, rows: list[tuple[int, int]], chunk: Shaped, judged: Sequence[Judged]
    ) -> None:
        places = np.array([place for place, _ in rows])
        numbers = np.array([number for _, number in rows])
        warnings = [judged[place].warning_ids for place, _ in rows]
        more = {} if file_id is None else {"file_id": pa.scalar(file_id, pa.int64())}
        literals = ["{" + ",".join(ids) + "}" if ids else None for ids in warnings]
        self._loader(batch_id).copy_raw(self.cursor, some(chunk, places), numbers, literals, more)

    def _count(self, batch_id: int, what: str) -> None:
        batch = self._loader(batch_id).batch
        batch.received += 1
        setattr(batch, what, getattr(batch, what) + 1)

    def _loader(self, batch_id: int) -> Loader:
        """The one that writes a delivery's rows under a batch of its own."""
        if batch_id not in self._loaders:
            batch = ledger.Batch(
                batch_id=ledger.next_batch_id(self.cursor),
                source_id=self.source_id,
                entity=self.entity.spec.entity,
                origin=f"{ORIGIN}: batch {batch_id}",
                accepted_at=self.as_of,
                is_first_load=False,
                reached_end=False,
                replays_batch_id=batch_id,
            )
            self._loaders[batch_id] = Loader(
                self.settings, self.entity, self.reference, self.keys, batch, BatchFacts(), self.as_of
            )
        return self._loaders[batch_id]

    def finish(self, *, judged_with: str, by_whom: str, reason: str) -> None:
        """Write the ledger rows, each row's status and, where something changed, its history; the caller commits."""
        for batch_id, loader in self._loaders.items():
            failed = self._failed.get(batch_id, 0)
            loader.batch.received += failed
            loader.batch.duplicate += failed
            ledger.write_batch(self.cursor, loader.batch)
            self.batch_ids.append(loader.batch.batch_id)
        passed = [one for one in self._judged if not one.rule_ids]
        changed = [o for o in self._judged if o.rule_ids and o.row.is_open and o.rule_ids != list(o.row.rule_ids)]
        self.replayed, self.rules_changed = len(passed), len(changed)
        self.cursor.executemany(
            "insert into quarantine.row_event (rejected_id, event, status_before, status_after, happened_at, by_whom,"
            " reason, batch_id, rule_ids_before, rule_ids_after) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [self._event(one, by_whom, reason) for one in (*passed, *changed)],
        )
        self.cursor.executemany(
            "update quarantine.rejected_row set status = %s, judged_with = %s, rule_ids = %s, warning_ids = %s"
            " where rejected_id = %s",
            [self._state(one, judged_with) for one in self._judged],
        )

    def _event(self, one: Judged, by_whom: str, reason: str) -> Sequence[object]:
        before = "open" if one.row.is_open else "replayed"
        what, after = ("rejudged", "open") if one.rule_ids else ("replayed", "replayed")
        batch_id = None if one.rule_ids else self._loaders[one.main_batch].batch.batch_id
        rules = list(one.row.rule_ids), one.rule_ids
        return [one.row.rejected_id, what, before, after, self.as_of, by_whom, reason, batch_id, *rules]

    @staticmethod
    def _state(one: Judged, judged_with: str) -> Sequence[object]:
        """A row that passes keeps the rules that it broke when it was rejected: they say why it lay here."""
        status = "open" if one.rule_ids and one.row.is_open else "replayed"
        kept = one.rule_ids if one.rule_ids and one.row.is_open else list(one.row.rule_ids)
        return [status, judged_with, kept, one.warning_ids, one.row.rejected_id]
