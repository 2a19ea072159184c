"""Rejected rows judged again after a rule or the reference data changed: those that pass now go to raw.

Each row is judged with the rules and reference data of today, but as of the moment it was first seen: time alone
heals no row (an end date in the future stays one). It goes back to where it would have been: its place in its
delivery, and every file of the portal that holds it. One transaction per source and entity, under the source's lock.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg

from onestop import __version__
from onestop.clock import to_stamp
from onestop.config import Settings
from onestop.errors import ConfigurationError, DataRefused
from onestop.landing import ledger
from onestop.landing.seen import seen_before
from onestop.logs import say
from onestop.pipeline.entities import Entity, Known, Mask, entity_of, portal_entity
from onestop.pipeline.hash_keys import in_force
from onestop.pipeline.ingest_result import Progress
from onestop.pipeline.keys import Keys, load_keys
from onestop.pipeline.quarantine_return import Homes, Judged, Return, Row, read_homes
from onestop.pipeline.reference import reference_index
from onestop.pipeline.warehouse_faults import explained
from onestop.quality.corrections import SYSTEM, settle_all
from onestop.quality.quarantine import reveal
from onestop.quality.quarantine_status import check_source
from onestop.quality.reference import ReferenceIndex
from onestop.sources.records import Shaped, shape
from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import migrated

if TYPE_CHECKING:
    from onestop.quality.judge import Judge

_log = logging.getLogger(__name__)
Cursor = psycopg.Cursor[tuple[object, ...]]
CHUNK = 20_000  # rows
PORTAL = "portal_export"
WHY = "judged again with the rules and reference data in force"

# Not only open rows: one that a later version overtook is still a part of its dossier's history, if it passes now.
_TO_JUDGE = """
    select r.rejected_id, r.batch_id, r.row_number, r.key_code, r.version, r.content_hash, r.payload, r.first_seen_at,
        r.rule_ids, r.status
    from quarantine.rejected_row as r
    where r.source_id = %(source)s and r.entity = %(entity)s
        and (r.status = 'open' or (r.status = 'replayed' and not exists (
            select from quarantine.row_event as e where e.rejected_id = r.rejected_id and e.event = 'replayed')))
        and (%(rule)s::text is null or %(rule)s = any(r.rule_ids))
        and (%(rows)s::bigint[] is null or r.rejected_id = any(%(rows)s))
        and (%(again)s or r.judged_with is distinct from %(judged_with)s)
    order by r.batch_id, r.row_number, r.rejected_id
    for update of r
"""


@dataclass(frozen=True)
class Wanted:
    """Which rows are judged again. again: also those that were judged with the same rules and reference data."""

    source_id: str | None = None
    rule_id: str | None = None
    row_ids: Sequence[int] | None = None

    @property
    def again(self) -> bool:
        """Rows named one by one are judged whatever was said of them before."""
        return self.row_ids is not None


@dataclass
class ReplayResult:
    """What became of the rows of one source and entity.

    judged: looked at again. replayed: back in raw. still_open: fail as before, or by other rules (rules_changed).
    corrected: closed without a verdict, because a later version was accepted. unreadable: the encrypted part is damaged.
    """

    source_id: str
    entity: str
    judged: int = 0
    replayed: int = 0
    still_open: int = 0
    rules_changed: int = 0
    corrected: int = 0
    unreadable: int = 0
    batch_ids: list[int] = field(default_factory=list)


def replay(
    settings: Settings,
    *,
    as_of: datetime,
    wanted: Wanted | None = None,
    by_whom: str = SYSTEM,
    progress: Progress | None = None,
) -> list[ReplayResult]:
    """Judge rejected rows again, and take back those that pass.

    Args:
        as_of: from when on the rows that pass count as known.
        by_whom: kept in the rows' history.

    Returns:
        one result per source and entity that has rows waiting.

    Raises:
        ConfigurationError: keys or reference data are missing, or a row asked for does not exist or is not open.
    """
    keys, wanted = load_keys(settings), wanted or Wanted()
    dsn = migrated(settings, "loader")
    results: list[ReplayResult] = []
    with explained("quarantine replay"), closing(connect(dsn, autocommit=True, role="loader")) as control:
        for source_id, kind, entity_name in _places(control, wanted):
            if progress:
                progress(f"quarantine replay {source_id} {entity_name}", sum(r.judged for r in results))
            with (
                closing(connect(dsn, autocommit=True, role="loader")) as lock,
                closing(connect(dsn, role="loader")) as work,
            ):
                ledger.lock_source(lock, source_id)
                entity = portal_entity(entity_name) if kind == PORTAL else entity_of(kind)
                run = _Run(settings, in_force(lock, keys), source_id, entity, kind == PORTAL, as_of, by_whom)
                with work.cursor() as cursor:
                    done = run.replay(cursor, wanted)
                work.commit()
            results.append(done)
            counts = {"judged": done.judged, "replayed": done.replayed, "still_open": done.still_open}
            say(_log, "judged again", source_id=source_id, entity=entity_name, **counts)
    if not results:
        say(_log, "nothing new", what="rejected rows")
    return results


def _places(connection: psycopg.Connection[tuple[object, ...]], wanted: Wanted) -> list[tuple[str, str, str]]:
    """Source, its kind and entity, wherever rows wait."""
    check_source(connection, wanted.source_id)
    if wanted.row_ids is not None:
        found = connection.execute(
            "select rejected_id from quarantine.rejected_row where rejected_id = any(%s) and status = 'open'",
            [list(wanted.row_ids)],
        ).fetchall()
        missing = sorted(set(wanted.row_ids) - {int(str(row[0])) for row in found})
        if missing:
            raise ConfigurationError(
                f"no open rejected row has the number {', '.join(map(str, missing))}",
                next_step="see the numbers with onestop quarantine list",
            )
    rows = connection.execute(
        "select distinct r.source_id, s.kind, r.entity from quarantine.rejected_row as r"
        " inner join ops.source as s using (source_id)"
        " where r.status in ('open', 'replayed') and (%(source)s::text is null or r.source_id = %(source)s)"
        " and (%(rule)s::text is null or %(rule)s = any(r.rule_ids))"
        " and (%(rows)s::bigint[] is null or r.rejected_id = any(%(rows)s)) order by 1, 3",
        {
            "source": wanted.source_id,
            "rule": wanted.rule_id,
            "rows": None if wanted.row_ids is None else list(wanted.row_ids),
        },
    ).fetchall()
    return [(str(source), str(kind), str(entity)) for source, kind, entity in rows]


@dataclass
class _Run:
    """The replay of one source and entity."""

    settings: Settings
    keys: Keys
    source_id: str
    entity: Entity
    is_portal: bool
    as_of: datetime
    by_whom: str

    def replay(self, cursor: Cursor, wanted: Wanted) -> ReplayResult:
        result = ReplayResult(self.source_id, self.entity.spec.entity)
        reference = reference_index(cursor)
        judged_with = self._fingerprint(cursor)
        back = Return(cursor, self.settings, self.keys, self.source_id, self.entity, reference, self.as_of)
        judge: Judge | None = None
        for rows in self._chunks(cursor, wanted, judged_with, result):
            if judge is None:
                from onestop.quality.judge import Judge  # takes seconds; most nights nothing is to be judged

                judge = Judge(self.entity.book)
            chunk, judged = self._judged(cursor, rows, judge, reference)
            result.judged += len(rows)
            back.take(chunk, judged)
        back.finish(judged_with=judged_with, by_whom=self.by_whom, reason=WHY)
        result.replayed, result.rules_changed, result.batch_ids = back.replayed, back.rules_changed, back.batch_ids
        result.corrected = settle_all(
            cursor,
            source_id=self.source_id,
            entity=self.entity.spec.entity,
            table=self.entity.spec.table,
            key=self.entity.key_column,
            version=self.entity.version_column,
            at=self.as_of,
        )
        cursor.execute(
            "select count(*) from quarantine.rejected_row where source_id = %s and entity = %s and status = 'open'",
            [self.source_id, self.entity.spec.entity],
        )
        result.still_open = int(str((cursor.fetchone() or (0,))[0]))
        return result

    def _fingerprint(self, cursor: Cursor) -> str:
        """Stands for all that a verdict depends on beside the row: rules, reference data, the code's version."""
        cursor.execute(
            "select entity, max(batch_id) from ops.load_batch where source_id = 'reference' and state = 'loaded'"
            " and entity in ('agency', 'procedure') group by entity order by entity"
        )
        parts = [__version__, self.entity.book.model_dump_json(), str(cursor.fetchall())]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def _chunks(
        self, cursor: Cursor, wanted: Wanted, judged_with: str, result: ReplayResult
    ) -> Iterator[list[tuple[Row, dict[str, Any]]]]:
        """The rows to be judged and their records, decrypted, a chunk at a time."""
        with cursor.connection.cursor(name="rejected") as reading:
            reading.itersize = 2_000
            reading.execute(
                _TO_JUDGE,
                {
                    "source": self.source_id,
                    "entity": self.entity.spec.entity,
                    "rule": wanted.rule_id,
                    "rows": None if wanted.row_ids is None else list(wanted.row_ids),
                    "again": wanted.again,
                    "judged_with": judged_with,
                },
            )
            chunk: list[tuple[Row, dict[str, Any]]] = []
            for values in reading:
                row, payload = Row.of(values)
                try:
                    chunk.append((row, reveal(payload, self.keys.decrypt_payload)))
                except DataRefused:
                    result.unreadable += 1
                if len(chunk) >= CHUNK:
                    yield chunk
                    chunk = []
            if chunk:
                yield chunk

    def _judged(
        self, cursor: Cursor, rows: Sequence[tuple[Row, dict[str, Any]]], judge: Judge, reference: ReferenceIndex
    ) -> tuple[Shaped, list[Judged]]:
        """Each row's verdict, and its shaped record under the content hash it was delivered with."""
        spec = self.entity.spec
        chunk = shape([record for _, record in rows], spec, first_row=1, hash_key=self.keys.hash)
        chunk.content_hash[:] = [row.content_hash for row, _ in rows]
        homes = self._homes(cursor, [row for row, _ in rows])
        if self.is_portal:
            single = np.array([not homes[row.rejected_id].newest.is_doubled for row, _ in rows], dtype=bool)
        else:
            single = self._single(cursor, chunk)
        table = self.entity.table(chunk, Known(reference, "", single))
        latest = [to_stamp(row.first_seen_at + timedelta(hours=1), self.settings.zone) for row, _ in rows]
        table["latest_allowed__at"] = latest
        deleted = np.zeros(len(chunk), dtype=bool)
        if spec.deleted:
            flags = chunk.columns[spec.by_field(spec.deleted).column or ""].to_pylist()
            deleted = np.array([flag == "1" for flag in flags], dtype=bool)
        verdict = judge(table, deleted)
        judged = []
        for place, (row, _) in enumerate(rows):
            broken = [rule for rule in self.entity.book.row_rules if verdict.broken[rule.id][place]]
            judged.append(
                Judged(
                    row,
                    [rule.id for rule in broken if rule.action == "quarantine"],
                    [rule.id for rule in broken if rule.action == "warn"],
                    homes.get(row.rejected_id),
                )
            )
        return chunk, judged

    def _homes(self, cursor: Cursor, rows: Sequence[Row]) -> dict[int, Homes]:
        """The portal's files that hold the rows; of dossiers a file may hold several rows of a code."""
        if not self.is_portal:
            return {}
        spec = self.entity.spec
        return read_homes(cursor, rows, spec.table, self.entity.key_column, unique=spec.entity != "dossier")

    def _single(self, cursor: Cursor, chunk: Shaped) -> Mask:
        """Which records are the only accepted content of their key and version (rule OS-015)."""
        keys = chunk.columns[self.entity.key_column].to_pylist()
        versions = chunk.columns[self.entity.version_column].to_pylist()
        _, pairs = seen_before(
            cursor,
            source_id=self.source_id,
            entity=self.entity.spec.entity,
            table=self.entity.spec.table,
            key_column=self.entity.key_column,
            version_column=self.entity.version_column,
            versions=versions,
            hashes=[],
        )
        return np.array([pair not in pairs for pair in zip(keys, versions, strict=True)], dtype=bool)
