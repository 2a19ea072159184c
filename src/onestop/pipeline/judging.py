"""One chunk of dossiers: duplicates out, the rest judged, accepted rows to raw, the others to quarantine.

Everything happens on the caller's open transaction; nothing is kept between chunks but counters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psycopg
import pyarrow as pa

from onestop.clock import to_stamp
from onestop.config import Settings
from onestop.landing.ledger import Batch
from onestop.landing.seen import seen_before
from onestop.pipeline.keys import Keys
from onestop.quality.batch import BatchFacts
from onestop.quality.facts import dossier_table
from onestop.quality.quarantine import Rejected, protect, write_rejected
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import RuleBook
from onestop.sources.records import Shaped, shape
from onestop.specs import EntitySpec
from onestop.warehouse.copy import copy_columns

if TYPE_CHECKING:
    from onestop.quality.judge import Judge, Verdict

Cursor = psycopg.Cursor[tuple[object, ...]]
Mask = npt.NDArray[np.bool_]


@dataclass
class DossierLoader:
    """Loads the chunks of one delivery of dossiers into raw and quarantine, and counts.

    After the last chunk, `batch` holds the ledger's counts and `facts` what the batch rules need.
    """

    settings: Settings
    spec: EntitySpec
    book: RuleBook
    reference: ReferenceIndex
    keys: Keys
    batch: Batch
    facts: BatchFacts
    as_of: datetime

    @cached_property
    def judge(self) -> Judge:
        """Made when the first chunk is there: importing GX takes seconds, in which pages are fetched and landed."""
        from onestop.quality.judge import Judge

        return Judge(self.book)

    def load(self, cursor: Cursor, records: Sequence[Mapping[str, Any]]) -> None:
        """Load one chunk, in the delivery's order."""
        shaped = shape(records, self.spec, first_row=self.batch.received + 1, hash_key=self.keys.hash)
        self.batch.received += len(shaped)
        self.facts.received += len(shaped)
        version = shaped.columns["ngay_cap_nhat"]
        deleted = np.array([flag == "1" for flag in shaped.columns["da_xoa"].to_pylist()], dtype=bool)
        self.facts.note_fields((r for r, gone in zip(records, deleted, strict=True) if not gone), self.spec.required)

        readable = shaped.dates["ngay_cap_nhat"]
        versions = version.to_pylist()
        limit = to_stamp(self.as_of, self.settings.zone)
        future = np.array([bool(r) and str(v) > limit for r, v in zip(readable, versions, strict=True)], dtype=bool)
        self.batch.refused += int(future.sum())
        self._move_cursor([str(v) for v, r, f in zip(versions, readable, future, strict=True) if r and not f])

        duplicate, single = self._compare(cursor, shaped, versions, ~future)
        self.batch.duplicate += int(duplicate.sum())
        fresh = np.flatnonzero(~future & ~duplicate)
        if not len(fresh):
            return
        verdict = self._judge(shaped, fresh, deleted, single)
        self._store(cursor, shaped, fresh, verdict)

    def _move_cursor(self, stamps: Sequence[str]) -> None:
        """By what was landed, never by the clock; a later pull overlaps it."""
        newest = max(stamps, default=None)
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
            table=self.spec.table,
            versions=versions,
            hashes=shaped.content_hash,
        )
        duplicate, single = np.zeros(len(shaped), dtype=bool), np.ones(len(shaped), dtype=bool)
        keys = shaped.columns["ma_ho_so"].to_pylist()
        for place in map(int, np.flatnonzero(wanted)):
            content, pair = shaped.content_hash[place], (keys[place], versions[place])
            if content in known:
                duplicate[place] = True
                continue
            single[place] = pair not in pairs
            known.add(content)
            pairs.add(pair)
        return duplicate, single

    def _judge(self, shaped: Shaped, fresh: npt.NDArray[np.intp], deleted: Mask, single: Mask) -> Verdict:
        places = pa.array(fresh)
        table = dossier_table(
            {name: column.take(places) for name, column in shaped.columns.items()},
            {name: good[fresh] for name, good in shaped.dates.items()},
            {
                "unreadable_dates": shaped.unreadable_dates[fresh],
                "bad_amounts": shaped.bad_amounts[fresh],
                "legacy_texts": shaped.legacy_texts[fresh],
            },
            np.array(["MucDoHaiLong" not in shaped.not_text.get(int(place), ()) for place in fresh], dtype=bool),
            self.spec,
            self.reference,
            to_stamp(self.as_of + timedelta(hours=1), self.settings.zone),
            single[fresh],
        )
        return self.judge(table, deleted[fresh])

    def _store(self, cursor: Cursor, shaped: Shaped, fresh: npt.NDArray[np.intp], verdict: Verdict) -> None:
        rules = self.book.row_rules
        rejected = np.zeros(len(fresh), dtype=bool)
        warned = np.zeros(len(fresh), dtype=bool)
        for rule in rules:
            broken = verdict.broken[rule.id]
            (rejected if rule.action == "quarantine" else warned)[broken] = True
            _, checked, failed = self.batch.rules.get(rule.id, (rule.action, 0, 0))
            self.batch.rules[rule.id] = (rule.action, checked + verdict.checked[rule.id], failed + int(broken.sum()))

        def broken_rules(place: int, action: str) -> list[str]:
            return [r.id for r in rules if r.action == action and verdict.broken[r.id][place]]

        accepted = [int(p) for p in np.flatnonzero(~rejected)]
        places = fresh[accepted]
        taken = pa.array(places)
        copy_columns(
            cursor,
            "raw",
            self.spec.table,
            {
                "batch_id": pa.repeat(pa.scalar(self.batch.batch_id, pa.int64()), len(places)),
                "row_number": pa.array(places + shaped.first_row, pa.int64()),
                "source_id": pa.repeat(pa.scalar(self.batch.source_id), len(places)),
                "content_hash": pa.array(["\\x" + shaped.content_hash[p].hex() for p in places], pa.string()),
                "warning_ids": pa.array(
                    ["{" + ",".join(broken_rules(a, "warn")) + "}" if warned[a] else None for a in accepted],
                    pa.string(),
                ),
                **{name: shaped.columns[name].take(taken) for name in self.spec.raw_columns},
            },
        )
        agencies = shaped.columns["don_vi_xu_ly"]
        write_rejected(
            cursor,
            [
                Rejected(
                    row_number=int(fresh[p]) + shaped.first_row,
                    record_key=shaped.delivered_key[fresh[p]],
                    rule_ids=broken_rules(p, "quarantine"),
                    warning_ids=broken_rules(p, "warn"),
                    payload=protect(shaped.records[fresh[p]], self.spec, self.keys.encrypt_payload),
                    content_hash=shaped.content_hash[fresh[p]],
                    agency_code=agencies[fresh[p]].as_py(),
                )
                for p in map(int, np.flatnonzero(rejected))
            ],
            source_id=self.batch.source_id,
            entity=self.batch.entity,
            batch_id=self.batch.batch_id,
            first_seen_at=self.as_of,
        )
        quarantined = int(rejected.sum())
        self.batch.accepted += len(accepted)
        self.batch.quarantined += quarantined
        self.facts.judged += len(fresh)
        self.facts.failed += quarantined
