"""One chunk of records: duplicates out, the rest judged, accepted rows to raw, the others to quarantine.

Everything happens on the caller's open transaction; nothing is kept between chunks but counters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from onestop.clock import to_stamp
from onestop.config import Settings
from onestop.landing.ledger import Batch
from onestop.landing.seen import seen_before
from onestop.pipeline.entities import Entity, Known, Mask, some
from onestop.pipeline.keys import Keys
from onestop.quality.batch import BatchFacts
from onestop.quality.compare import counted_columns
from onestop.quality.corrections import Corrections
from onestop.quality.counted import AGENCY, Counted
from onestop.quality.drift import UnknownFields, write_unknown
from onestop.quality.quarantine import Rejected, protect, write_rejected
from onestop.quality.reference import ReferenceIndex
from onestop.quality.repairs import CodeRepairs
from onestop.sources.records import Shaped, shape
from onestop.warehouse.copy import Copies, bytea

if TYPE_CHECKING:
    from onestop.quality.judge import Judge, Verdict

Cursor = psycopg.Cursor[tuple[object, ...]]


@dataclass
class Loader:
    """Loads the chunks of one delivery into raw and quarantine, and counts.

    After the last chunk, `batch` holds the ledger's counts and `facts` what the batch rules need.
    """

    settings: Settings
    entity: Entity
    reference: ReferenceIndex
    keys: Keys
    batch: Batch
    facts: BatchFacts
    as_of: datetime
    repairs: CodeRepairs = field(default_factory=CodeRepairs)
    copies: Copies = field(default_factory=Copies)

    @cached_property
    def unknown(self) -> UnknownFields:
        """What the delivery holds beyond its specification."""
        return UnknownFields(self.entity.spec)

    @cached_property
    def corrections(self) -> Corrections:
        """What waits in quarantine and comes right with this delivery; settle it before the commit."""
        return Corrections(self.batch.source_id, self.batch.entity)

    @cached_property
    def counted(self) -> Counted:
        """What of the delivery went to raw."""
        return Counted(counted_columns(self.entity.book.delivery_rules))

    @cached_property
    def judge(self) -> Judge:
        """Made when the first chunk is there: importing GX takes seconds, in which pages are fetched and landed."""
        from onestop.quality.judge import Judge

        return Judge(self.entity.book)

    def note_drift(self, cursor: Cursor) -> str | None:
        """Keep which unknown fields and repaired codes there were, once all records are loaded.

        Returns:
            what the ledger says of new fields and of repairs.
        """
        self.facts.new_fields = self.unknown.listed()
        self.repairs.write(cursor, self.batch.batch_id)
        drift = write_unknown(
            cursor,
            self.unknown,
            source_id=self.batch.source_id,
            entity=self.batch.entity,
            batch_id=self.batch.batch_id,
            first_seen_at=self.as_of,
        )
        return "; ".join(filter(None, (drift, self.repairs.said()))) or None

    def load(self, cursor: Cursor, records: Sequence[Mapping[str, Any]]) -> None:
        """Load one chunk, in the delivery's order. Its COPY may still run (`copies`)."""
        spec = self.entity.spec
        if self.entity.prepare:
            records = [self.entity.prepare(record, self.settings.zone) for record in records]
        shaped = shape(records, spec, first_row=self.batch.received + 1, hash_key=self.keys.hash)
        self.batch.received += len(shaped)
        self.facts.received += len(shaped)
        deleted = self._deleted(shaped)
        self._note_required(shaped, deleted)
        self.unknown.note(records, shaped.names)

        stamps = shaped.columns[self.entity.version_column]
        readable = shaped.dates[self.entity.version_column]
        later = pc.fill_null(pc.greater(stamps, to_stamp(self.as_of, self.settings.zone)), False)
        future = readable & later.to_numpy(zero_copy_only=False)
        self.batch.refused += int(future.sum())
        self._move_cursor(stamps.filter(readable & ~future))

        self.copies.wait()
        duplicate, single = self._compare(cursor, shaped, stamps.to_pylist(), ~future)
        self.batch.duplicate += int(duplicate.sum())
        fresh = np.flatnonzero(~future & ~duplicate)
        if not len(fresh):
            return
        rows = fresh + shaped.first_row
        chunk = some(shaped, fresh)
        self.repairs.note(chunk.repairs)
        self.store(cursor, chunk, rows, self.verdict(chunk, single[fresh], deleted[fresh]))

    def verdict(self, chunk: Shaped, single: Mask, deleted: Mask) -> Verdict:
        """What the rules say of a chunk.

        Args:
            single: which records have a key, or key and version, of their own.
            deleted: which only say that something was deleted.
        """
        return self.judge(self.entity.table(chunk, Known(self.reference, self._latest_allowed(), single)), deleted)

    def _note_required(self, shaped: Shaped, deleted: Mask) -> None:
        """Which required fields the live records lack, or have as something else than text."""
        spec = self.entity.spec
        live = [r for r, gone in zip(shaped.records, deleted, strict=True) if not gone]
        columns = {name: shaped.columns.get(spec.by_field(name).column or "") for name in spec.required}
        doubtful = [name for name, column in columns.items() if column is None or column.null_count]
        self.facts.note_fields(live, doubtful)
        if shaped.not_text or doubtful:
            self.facts.types.note(live, spec)
        else:
            self.facts.types.note_texts(len(live), spec)

    def _latest_allowed(self) -> str:
        """Now and one hour, which no date of a record may pass."""
        return to_stamp(self.as_of + timedelta(hours=1), self.settings.zone)

    def _deleted(self, shaped: Shaped) -> Mask:
        """Which records only say that something was deleted at the source."""
        field = self.entity.spec.deleted
        if field is None:
            return np.zeros(len(shaped), dtype=bool)
        flags = shaped.columns[self.entity.spec.by_field(field).column or ""]
        return np.asarray(pc.fill_null(pc.equal(flags, "1"), False).to_numpy(zero_copy_only=False), dtype=bool)

    def _move_cursor(self, stamps: pa.Array) -> None:
        """By what was landed, never by the clock; a later pull overlaps it."""
        newest = pc.max(stamps).as_py()
        if newest and (self.batch.cursor_after is None or newest > self.batch.cursor_after):
            self.batch.cursor_after = newest

    def _compare(
        self, cursor: Cursor, shaped: Shaped, versions: Sequence[str | None], wanted: Mask
    ) -> tuple[Mask, Mask]:
        """Which records were served before unchanged; which are the only content of their (key, version) so far."""
        known, pairs = seen_before(
            cursor,
            source_id=self.batch.source_id,
            entity=self.batch.entity,
            table=self.entity.spec.table,
            key_column=self.entity.key_column,
            version_column=self.entity.version_column,
            versions=versions,
            hashes=shaped.content_hash,
        )
        duplicate, single = np.zeros(len(shaped), dtype=bool), np.ones(len(shaped), dtype=bool)
        keys = shaped.columns[self.entity.key_column].to_pylist()
        if wanted.all() and _all_new(shaped.content_hash, known) and _all_new(zip(keys, versions, strict=True), pairs):
            return duplicate, single
        for place in map(int, np.flatnonzero(wanted)):
            content, pair = shaped.content_hash[place], (keys[place], versions[place])
            if content in known:
                duplicate[place] = True
                continue
            single[place] = pair not in pairs
            known.add(content)
            pairs.add(pair)
        return duplicate, single

    def store(
        self,
        cursor: Cursor,
        chunk: Shaped,
        rows: npt.NDArray[np.intp],
        verdict: Verdict,
        more: Mapping[str, pa.Scalar] | None = None,
    ) -> None:
        """Write a judged chunk.

        Args:
            rows: its records' places in the delivery.
            more: further columns of the raw table, the same in every row.
        """
        rules = self.entity.book.row_rules
        rejected = np.zeros(len(chunk), dtype=bool)
        warned = np.zeros(len(chunk), dtype=bool)
        for rule in rules:
            broken = verdict.broken[rule.id]
            (rejected if rule.action == "quarantine" else warned)[broken] = True
            _, checked, failed = self.batch.rules.get(rule.id, (rule.action, 0, 0))
            self.batch.rules[rule.id] = (rule.action, checked + verdict.checked[rule.id], failed + int(broken.sum()))

        def broken_rules(place: int, action: str) -> list[str]:
            return [r.id for r in rules if r.action == action and verdict.broken[r.id][place]]

        if rejected.any():
            self.copies.wait()
        keys, versions = self._names(chunk) if rejected.any() else ([], [])
        self.corrections.note_rejected(cursor, (keys[p] for p in map(int, np.flatnonzero(rejected))))
        places = np.flatnonzero(~rejected)
        warnings: list[str | None] = [None] * len(places)
        for at in np.flatnonzero(warned[places]).tolist():
            warnings[at] = "{" + ",".join(broken_rules(places[at], "warn")) + "}"
        agencies = chunk.columns[AGENCY] if AGENCY in chunk.columns else pa.nulls(len(chunk), pa.string())
        write_rejected(
            cursor,
            [
                Rejected(
                    row_number=int(rows[p]),
                    record_key=chunk.delivered_key[p],
                    rule_ids=broken_rules(p, "quarantine"),
                    warning_ids=broken_rules(p, "warn"),
                    payload=protect(chunk.records[p], self.entity.spec, self.keys.encrypt_payload),
                    content_hash=chunk.content_hash[p],
                    agency_code=agencies[p].as_py(),
                    key_code=keys[p],
                    version=versions[p],
                )
                for p in map(int, np.flatnonzero(rejected))
            ],
            source_id=self.batch.source_id,
            entity=self.batch.entity,
            batch_id=self.batch.batch_id,
            first_seen_at=self.as_of,
        )
        self.copy_raw(cursor, some(chunk, places), rows[places], warnings, more)
        quarantined = int(rejected.sum())
        self.batch.accepted += len(places)
        self.batch.quarantined += quarantined
        self.facts.judged += len(chunk)
        self.facts.failed += quarantined

    def _names(self, chunk: Shaped) -> tuple[list[str | None], list[str | None]]:
        """Each record's key, and its version where it can be read."""
        name = self.entity.version_column
        version = pc.if_else(pa.array(chunk.dates[name]), chunk.columns[name], pa.scalar(None, pa.string()))
        return chunk.columns[self.entity.key_column].to_pylist(), version.to_pylist()

    def copy_raw(
        self,
        cursor: Cursor,
        chunk: Shaped,
        rows: npt.NDArray[np.intp],
        warnings: Sequence[str | None],
        more: Mapping[str, pa.Scalar] | None = None,
    ) -> None:
        """Append records to their raw table; `warnings` are array literals, the rest as in `store`."""
        if not len(chunk):
            return
        if self.corrections.waiting(cursor):
            self.corrections.note_accepted(*self._names(chunk), [int(row) for row in rows])
        columns = {
            "batch_id": pa.repeat(pa.scalar(self.batch.batch_id, pa.int64()), len(chunk)),
            "row_number": pa.array(rows, pa.int64()),
            "source_id": pa.repeat(pa.scalar(self.batch.source_id), len(chunk)),
            "content_hash": bytea(chunk.content_hash),
            "warning_ids": pa.array(warnings, pa.string()),
            **{name: pa.repeat(value, len(chunk)) for name, value in (more or {}).items()},
            **{name: chunk.columns[name] for name in self.entity.spec.raw_columns},
        }
        self.counted.note(chunk.columns, warnings)
        self.copies.start(cursor, "raw", self.entity.spec.table, columns)


def _all_new(found: Iterable[Any], known: Set[Any]) -> bool:
    """Whether nothing stands twice, and nothing is known."""
    listed = list(found)
    return len(set(listed)) == len(listed) and known.isdisjoint(listed)
