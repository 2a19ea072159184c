"""One source's run: pull what changed, land it, judge it, load it. One transaction per run.

Pages are fetched ahead and landed by a thread while the chunk before is judged; memory holds a few
pages and one chunk, however long the feed is. A run that ends early leaves the warehouse as it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from onestop.clock import shift_stamp, system_now, to_stamp
from onestop.config import PolledSource, PortalExportSource, Settings
from onestop.errors import ConfigurationError, DataRefused, OnestopError, SourceUnavailable
from onestop.landing import ledger
from onestop.landing.store import LandingRun, LandingStore
from onestop.pipeline.collector import quiet_collector
from onestop.pipeline.connectors import Connector, connector, parser
from onestop.pipeline.curfew import Curfew
from onestop.pipeline.entities import entity_of
from onestop.pipeline.files import ingest_files
from onestop.pipeline.hash_keys import in_force
from onestop.pipeline.ingest_result import IngestResult, Progress
from onestop.pipeline.keys import Keys, load_keys
from onestop.pipeline.loading import Loader
from onestop.pipeline.pull import pull, replay
from onestop.pipeline.reference import reference_index
from onestop.pipeline.source_runs import noted_run
from onestop.pipeline.warehouse_faults import explained
from onestop.quality.batch import BatchFacts, reason_to_stop
from onestop.quality.compare import Comparison, compare
from onestop.quality.history import Delivery
from onestop.sources.one_stop_api import Page
from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import migrated

BEGINNING = "19700101000000"
CHUNK = 40_000  # records
CHUNK_BYTES = 128 * 2**20  # of pages, for records that are larger than any real one


def ingest(
    settings: Settings,
    source_id: str,
    *,
    as_of: datetime,
    since: str | None = None,
    replay_from: str | None = None,
    between: tuple[str, str] | None = None,
    reason: str | None = None,
    ignore_window: bool = False,
    progress: Progress | None = None,
) -> IngestResult:
    """Pull one source and load what it delivers.

    Args:
        as_of: what "now" means; nothing that changed later is loaded.
        since: where a first load starts (14 digits, local time); later runs go on from the cursor.
        replay_from: the landing path of an earlier run, to be judged and loaded again without the source.
        between: a range [from, to) of 14 digits to be pulled again; the cursor stays (onestop.pipeline.backfill).
        reason: why this was done by hand; the ledger's `origin` keeps it.
        ignore_window: ask the source outside of its `window`, too. (A replay asks it nothing.)
        progress: called with a step's name and the records done so far.

    Raises:
        ConfigurationError: credentials or keys are missing, or there is no reference data yet.
        WindowClosed: the source may not be asked at this hour, or the hour came during the run; nothing was loaded.
        SourceUnavailable: the source could not be read to its end; nothing was loaded.
        DataRefused: the delivery as a whole broke a stop rule; nothing was loaded.
    """
    source = settings.source(source_id)
    tell = progress or (lambda step, done: None)
    curfew = Curfew(source, settings.zone, ignored=ignore_window or replay_from is not None)
    curfew.check_open()
    feed = None if replay_from or isinstance(source, PortalExportSource) else connector(settings, source)
    keys = load_keys(settings)
    dsn = migrated(settings, "loader")
    with (
        explained(f"ingest {source_id}"),
        closing(connect(dsn, autocommit=True, role="loader")) as control,
        closing(connect(dsn, role="loader")) as work,
        noted_run(control, source_id, as_of, asks=replay_from is None),
    ):
        ledger.sync_sources(control, [(s.id, s.kind) for s in settings.sources])
        ledger.lock_source(control, source_id)
        keys = in_force(control, keys)
        if isinstance(source, PortalExportSource):
            if replay_from:
                raise ConfigurationError(
                    f"{source_id}: files are not replayed from landing", next_step="they lie unchanged in their folder"
                )
            if between:
                raise ConfigurationError(
                    f"{source_id}: files are not asked for by their time",
                    next_step=f"put the missing exports into {source.path} and run the source's ingest: what was loaded"
                    " before counts as duplicate",
                )
            asked = control.cursor()
            return ingest_files(settings, source, keys, work, asked=asked, as_of=as_of, curfew=curfew, progress=tell)
        entity = entity_of(source.kind)
        with work.cursor() as cursor:
            reference = reference_index(cursor)
            before = ledger.source_cursor(cursor, source_id, entity.spec.entity)
            batch = ledger.Batch(
                batch_id=ledger.next_batch_id(cursor),
                source_id=source_id,
                entity=entity.spec.entity,
                origin="",
                accepted_at=as_of,
                is_first_load=ledger.is_first_load(cursor, source_id),
                cursor_before=before,
                cursor_after=before,
            )
        loader = Loader(settings, entity, reference, keys, batch, BatchFacts(), as_of)
        run = _Run(settings, source, batch, loader, control, work, tell, curfew, reason)
        if replay_from:
            return run.replayed(
                LandingStore(settings.landing_url, keys.data, options=settings.landing_options).run(replay_from)
            )
        assert feed is not None  # noqa: S101  (only a replay goes without)
        end = to_stamp(as_of + timedelta(seconds=1), settings.zone)
        if between:
            return run.pulled_again(feed, between[0], min(between[1], end), keys)
        overlap = timedelta(minutes=source.overlap_minutes)
        start = shift_stamp(max(before, BEGINNING), -overlap) if before else since or BEGINNING
        return run.pulled(feed, start, end, keys)


@dataclass
class _Run:
    """One run under way: from pages to the committed, or refused, batch."""

    settings: Settings
    source: PolledSource
    batch: ledger.Batch
    loader: Loader
    control: psycopg.Connection[tuple[object, ...]]
    work: psycopg.Connection[tuple[object, ...]]
    progress: Progress
    curfew: Curfew
    reason: str | None = None
    attempt_id: str | None = None
    irregular: str | None = None  # why the delivery is no step of the live feed, and so is not compared with others

    def pulled(self, feed: Connector, start: str, end: str, keys: Keys) -> IngestResult:
        """Load what the source serves of [start, end), and go on from there next time."""
        self.batch.origin, self.batch.covers = f"[{start}, {end})", (start, end)
        if self.batch.is_first_load:
            self.irregular = "first_load"
        if start >= end:
            self.irregular = "nothing_asked"
            self.batch.reached_end = False  # nothing was asked: the next run may still be the first load
            return self._finish(f"nothing was asked: the range starts at {start}, and as-of lies before", due=False)
        self._pull(feed, start, end, keys)
        return self._finish()

    def pulled_again(self, feed: Connector, start: str, end: str, keys: Keys) -> IngestResult:
        """Load what the source serves of a range in the past: no step of the live feed, which goes on from its cursor.

        Nothing is due in such a range, and reading it to its end says nothing about the end of the feed.
        """
        self.batch.origin, self.batch.reached_end = self._said(f"backfill [{start}, {end})"), False
        self.batch.covers, self.irregular = (start, end), "backfill"
        if start >= end:
            return self._finish(f"nothing was asked: the range starts at {start}, and as-of lies before", due=False)
        self._pull(feed, start, end, keys)
        self.batch.cursor_after = self.batch.cursor_before
        return self._finish(due=False)

    def _said(self, origin: str) -> str:
        return f"{origin}: {self.reason}" if self.reason else origin

    def _pull(self, feed: Connector, start: str, end: str, keys: Keys) -> None:
        self.attempt_id = f"{system_now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        landed = LandingStore(self.settings.landing_url, keys.data, options=self.settings.landing_options).open_run(
            self.source.id, self.batch.entity, self.attempt_id
        )
        self.batch.landing_path = landed.path
        ledger.begin_attempt(self.control, self.attempt_id, self.source.id, self.batch.entity, landed.path)
        manifest = {"source": self.source.id, "entity": self.batch.entity, "from": start, "to": end}
        asked = feed.pages(start, end)
        with closing(pull(asked, landed)) as pulled, closing(self.curfew.guarded(pulled, asked.stop)) as pages:
            self._load(pages, lambda: landed.close(manifest))

    def replayed(self, landed: LandingRun) -> IngestResult:
        """Load what was landed earlier. The cursor is not moved by it: the source was not asked."""
        self.batch.origin, self.batch.landing_path = self._said(f"replay of {landed.path}"), landed.path
        self.irregular = "replay"
        with closing(replay(landed, parser(self.source.kind))) as pages:
            self._load(pages, lambda: landed.sha256)
        self.batch.cursor_after = self.batch.cursor_before
        return self._finish()

    def _load(self, pages: Iterator[Page], close: Callable[[], str]) -> None:
        """Load page after page; `close` ends the landing and gives the delivery's SHA-256."""
        chunk: list[Mapping[str, Any]] = []
        size = 0
        try:
            with (
                explained(f"ingest {self.source.id}"),
                self.work.cursor() as cursor,
                quiet_collector() as collect_cycles,
                self.loader.copies.beside(),
            ):
                for page in pages:
                    chunk += page.records
                    size += len(page.body)
                    if len(chunk) >= CHUNK or size >= CHUNK_BYTES:
                        self._chunk(cursor, chunk)
                        chunk, size = [], 0
                        collect_cycles()
                if chunk:
                    self._chunk(cursor, chunk)
                    chunk = []
            self.batch.sha256 = close()
        except SourceUnavailable as problem:
            self.batch.received += len(chunk)
            self._give_up("failed", problem)
            raise
        except DataRefused as problem:
            self._give_up("refused", problem)
            raise
        except OnestopError as problem:
            self._give_up("failed", problem)
            raise

    def _chunk(self, cursor: psycopg.Cursor[tuple[object, ...]], chunk: list[Mapping[str, Any]]) -> None:
        self.loader.load(cursor, chunk)
        if self.attempt_id:
            ledger.note_landed(self.control, self.attempt_id, self.batch.received)
        self.progress(f"ingest {self.source.id}", self.batch.received)

    def _finish(self, note: str | None = None, *, due: bool | None = None) -> IngestResult:
        batch = self.batch
        stop = next((rule.id for rule in self.loader.entity.book.batch_rules), None)
        if due is None:
            due = batch.is_first_load or batch.cursor_before is not None
        failed = {rule: n for rule, (action, _, n) in batch.rules.items() if action == "quarantine"}
        with self.work.cursor() as cursor:
            drift = self.loader.note_drift(cursor)
        # The contract has no PA-000: cases of feedback meet a limit only where province.yml sets one.
        has_limit = stop is not None or "quarantine_limit" in self.source.model_fields_set
        reason = reason_to_stop(
            self.loader.facts,
            limit=self.source.quarantine_limit if has_limit else None,
            some_were_due=due and stop is not None,
            failed_by_rule=failed,
        )
        if stop:
            batch.rules[stop] = ("stop", batch.received, batch.received if reason else 0)
            reason = reason and f"{reason} ({stop})"
        compared = Comparison() if reason else self._compare()
        reason = reason or compared.stop
        if reason:
            problem = DataRefused(
                f"{self.source.id}: the delivery of {batch.received} records was refused whole: {reason}",
                next_step=f"show this to whoever runs {self.source.id}; what was served before stays in force",
            )
            self._give_up("refused", problem)
            raise problem
        if batch.received and batch.duplicate == batch.received:
            batch.state = "duplicate"
        late = f"{batch.refused} records changed after as-of were left out" if batch.refused else None
        batch.message = "; ".join(filter(None, (note, late, drift, compared.message))) or None
        with self.work.cursor() as cursor:
            self.loader.corrections.settle(cursor, batch.batch_id, batch.accepted_at)
            ledger.write_batch(cursor, batch, self.attempt_id)
        self.work.commit()
        return IngestResult.of(batch)

    def _compare(self) -> Comparison:
        """The delivery beside those before it."""
        batch, entity = self.batch, self.loader.entity
        delivery = Delivery(
            batch_id=batch.batch_id,
            source_id=batch.source_id,
            entity=batch.entity,
            as_of=batch.accepted_at,
            zone=self.settings.zone,
            records=batch.accepted + batch.quarantined,
            newest=batch.cursor_after,
            irregular=self.irregular,
        )
        with self.work.cursor() as cursor:
            compared = compare(
                cursor, entity.book.delivery_rules, delivery, entity.spec, self.loader.counted, self.loader.reference
            )
        batch.rules |= compared.counts
        return compared

    def _give_up(self, state: str, problem: OnestopError) -> None:
        """Nothing stays but the ledger row that says so."""
        self.work.rollback()
        self.batch.refuse_all("refused" if state == "refused" else "failed", problem.message)
        with self.work.cursor() as cursor:
            ledger.write_batch(cursor, self.batch, self.attempt_id)
        self.work.commit()
