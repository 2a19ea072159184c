"""One run of a portal source: every file that is new or changed, each landed, read, judged and loaded by itself.

A file is one batch and one transaction. Files of a folder are never moved or changed; what was loaded is known by
name, size and time, and by content: the same content under any name is a duplicate.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import psycopg
from fsspec import AbstractFileSystem

from onestop.clock import system_now, to_stamp
from onestop.config import PortalExportSource, Settings
from onestop.errors import DataRefused, OnestopError
from onestop.landing import ledger
from onestop.landing.arriving import ArrivingContent
from onestop.landing.store import LandedContent, LandingRun, LandingStore
from onestop.logs import say
from onestop.pipeline.collector import quiet_collector
from onestop.pipeline.curfew import Curfew
from onestop.pipeline.entities import portal_entity
from onestop.pipeline.file_changes import Changes, replaced_by
from onestop.pipeline.file_folders import file_system
from onestop.pipeline.file_loading import FileLoader, KnownFile, known_files, write_file
from onestop.pipeline.ingest_result import IngestResult, Progress
from onestop.pipeline.keys import Keys
from onestop.pipeline.loading import Cursor
from onestop.pipeline.reference import reference_index
from onestop.quality.batch import BatchFacts, reason_to_stop
from onestop.quality.compare import compare
from onestop.quality.history import Delivery
from onestop.quality.reference import ReferenceIndex
from onestop.sources.portal_export import Manifest, PortalFile, fetch, list_files, manifest_of, wait_until_settled
from onestop.sources.served_file import Content
from onestop.sources.spreadsheet import FileRefused, TableReading, read_table

_log = logging.getLogger(__name__)
CheckRows = Callable[[PortalFile, int], None]
Connection = psycopg.Connection[tuple[object, ...]]


def ingest_files(
    settings: Settings,
    source: PortalExportSource,
    keys: Keys,
    work: Connection,
    *,
    asked: Cursor,
    as_of: datetime,
    curfew: Curfew,
    progress: Progress,
) -> IngestResult:
    """Load every file that is new or changed, earlier ones first.

    A file that is refused or cannot be read does not hold up the others. A file whose last day is not over at `as_of`
    waits: its rows count as changed at the end of that day.

    Args:
        asked: on another connection than `work` (FileLoader).

    Raises:
        SourceUnavailable: the folder or a file could not be read; the others were loaded.
        WindowClosed: the source's window ended before the last file; those before it were loaded.
        DataRefused: a file was refused whole, or a first load found none; the others were loaded.
    """
    with file_system(settings, source) as (fs, path):
        listing = list_files(fs, path)
        seen_at = time.monotonic()
        with work.cursor() as cursor:
            reference = reference_index(cursor)
            # What was loaded last under each name: a file put back as it once was has changed, too.
            known = {k.name: k for k in sorted(known_files(cursor, source.id), key=lambda k: k.file_id)}
            first = ledger.is_first_load(cursor, source.id)
        ready = [f for f in listing.files if f.stamp <= to_stamp(as_of, settings.zone)]
        new = [f for f in ready if f.name not in known or not known[f.name].is_same(f)]
        run = _Run(settings, source, keys, work, asked, as_of, reference, fs, first, seen_at)
        results: list[IngestResult] = []
        problems: list[OnestopError] = []
        for place, file in enumerate(new, 1):
            if curfew.is_over:
                problems.append(curfew.end())
                break
            progress(f"ingest {source.id}: {file.name}", sum(r.received for r in results))
            try:
                results.append(run.load(file, is_last=place == len(new) and not problems))
            except OnestopError as problem:
                problems.append(problem)
        if results and problems and all(isinstance(p, DataRefused) for p in problems):
            # A file that nobody mends must not leave the source in its first load for ever.
            with work.cursor() as cursor:
                ledger.note_end(cursor, results[-1].batch_ids[-1])
            work.commit()
    if not new:
        say(_log, "nothing new", what=source.id)
    if first and not ready:
        raise DataRefused(
            f"{source.id}: there is no export in {path} (PT-000)",
            next_step="see whether the portal's files arrive there, named DVCQG_<entity>_<province>_<from>_<to>.xlsx",
        )
    if problems:
        worst = next((p for p in problems if isinstance(p, DataRefused)), problems[0])
        raise type(worst)("\n".join(p.message for p in problems), next_step=worst.next_step)
    waiting = [f.name for f in listing.files if f not in ready]
    notes = _notes("is not the name of an export", listing.strangers)
    return IngestResult.of_files(source.id, results, notes + _notes("waits for its last day to end", waiting))


def _notes(words: str, names: Iterable[str]) -> list[str]:
    return [f"{name} {words}" for name in names]


@dataclass
class _Run:
    """What the files of one run share."""

    settings: Settings
    source: PortalExportSource
    keys: Keys
    work: Connection
    asked: Cursor
    as_of: datetime
    reference: ReferenceIndex
    fs: AbstractFileSystem
    is_first_load: bool
    seen_at: float

    def load(self, file: PortalFile, *, is_last: bool) -> IngestResult:
        """One file; `is_last` of a run in which none failed: the end of the feed is reached."""
        with self.work.cursor() as cursor:
            batch = ledger.Batch(
                batch_id=ledger.next_batch_id(cursor),
                source_id=self.source.id,
                entity=file.entity,
                origin=file.name,
                accepted_at=self.as_of,
                is_first_load=self.is_first_load,
                reached_end=is_last,
                covers=(str(file.first_day), str(file.last_day)),
            )
        try:
            settled = wait_until_settled(self.fs, file, seen_at=self.seen_at)
            landed = self._landing.open_run(self.source.id, file.entity, _run_id())
            arriving = ArrivingContent(landed, settled.size)
            with closing(_rows(file, arriving)) as chunks, closing(arriving):
                chunks.begin()
                batch.sha256 = self._land(settled, landed, arriving)
                batch.landing_path, body = landed.path, LandedContent(landed)
                manifest = self._manifest(settled, body, batch.sha256)
                self._load(settled, chunks, body, batch, manifest.check_rows if manifest else None)
        except OnestopError as problem:
            self.work.rollback()
            if isinstance(problem, FileRefused):
                batch.received = max(batch.received, problem.rows)
            batch.refuse_all("refused" if isinstance(problem, DataRefused) else "failed", problem.message)
            with self.work.cursor() as cursor:
                ledger.write_batch(cursor, batch)
            self.work.commit()
            raise
        self.work.commit()
        return IngestResult.of(batch)

    def _manifest(self, file: PortalFile, body: Content, sha256: str) -> Manifest | None:
        """What the manifest announces, if there is one and it speaks of this content; the file's rows count otherwise."""
        try:
            manifest = manifest_of(self.fs, file)
            if manifest:
                manifest.check_content(file, sha256)
        except DataRefused as problem:
            raise FileRefused(problem.message, next_step=problem.next_step, rows=_rows_of(file, body)) from None
        return manifest

    @property
    def _landing(self) -> LandingStore:
        return LandingStore(self.settings.landing_url, self.keys.data, options=self.settings.landing_options)

    def _land(self, file: PortalFile, landed: LandingRun, arriving: ArrivingContent) -> str:
        """The file as it is fetched, piece by piece, which its reader gets at once; memory and disk hold nothing else of it.

        Returns:
            its SHA-256.
        """
        digest = hashlib.sha256()
        for number, piece in enumerate(fetch(self.fs, file), 1):
            arriving.add(landed.put(number, piece), piece)
            digest.update(piece)
        landed.close({"source": self.source.id, "entity": file.entity, "file": file.name})
        return digest.hexdigest()

    def _load(
        self, file: PortalFile, chunks: TableReading, body: Content, batch: ledger.Batch, check_rows: CheckRows | None
    ) -> None:
        assert batch.sha256 is not None  # noqa: S101  (set by the caller)
        with self.work.cursor() as cursor:
            changes = self._changes(cursor, file, batch.sha256)
            twin = KnownFile.with_content(cursor, self.source.id, batch.sha256)
            if twin is not None:
                batch.received = batch.duplicate = twin.rows
                if check_rows:
                    check_rows(file, twin.rows)
                if changes:
                    for chunk in chunks:
                        changes.note(chunk.records)
                said = [f"the same content as {twin.name}", changes.message if changes else ""]
                batch.state, batch.message = "duplicate", "; ".join(filter(None, said))
                write_file(cursor, file, batch, twin_of=twin.file_id)
                ledger.write_batch(cursor, batch)
                return
            entity = portal_entity(file.entity)
            loader = FileLoader(
                self.settings, entity, self.reference, self.keys, batch, BatchFacts(), self.as_of, asked=self.asked
            )
            loader.file_id = write_file(cursor, file, batch)
            with closing(_rows(file, body)) as again:
                if file.entity != "dossier":
                    loader.note_keys(chunk.records for chunk in chunks)
                    chunks = again
                with quiet_collector() as collect_cycles, loader.copies.beside():
                    for chunk in chunks:
                        if changes:
                            changes.note(chunk.records)
                        loader.load_rows(cursor, chunk.numbers, chunk.records)
                        collect_cycles()
                loader.note_facts(cursor, chunks.facts)
            if changes:
                batch.message = "; ".join(filter(None, (changes.message, batch.message)))
            if check_rows:
                check_rows(file, batch.received)
            self._judge_whole(file, loader)
            self._compare(cursor, file, loader)
            if batch.received and batch.duplicate == batch.received:
                batch.state = "duplicate"
            loader.corrections.settle(cursor, batch.batch_id, batch.accepted_at)
            ledger.write_batch(cursor, batch)

    def _changes(self, cursor: psycopg.Cursor[tuple[object, ...]], file: PortalFile, sha256: str) -> Changes | None:
        """What compares the file with the one that it replaces; None where it replaces none with other content."""
        earlier = replaced_by(cursor, self.source.id, file, file.stem)
        if earlier is None or earlier.sha256 == sha256:
            return None
        return Changes.against(earlier, self._landing, file)

    def _compare(self, cursor: Cursor, file: PortalFile, loader: FileLoader) -> None:
        """The file beside those before it."""
        batch, entity = loader.batch, loader.entity
        delivery = Delivery(
            batch_id=batch.batch_id,
            source_id=batch.source_id,
            entity=batch.entity,
            as_of=self.as_of,
            zone=self.settings.zone,
            records=batch.received,
            irregular="first_load" if self.is_first_load else None,
            covers=(file.first_day, file.last_day),
            series=file.stem,
            version=file.version,
        )
        compared = compare(cursor, entity.book.delivery_rules, delivery, entity.spec, loader.counted, self.reference)
        batch.rules |= compared.counts
        batch.message = "; ".join(filter(None, (batch.message, compared.message))) or None
        if compared.stop:
            raise self._refused(file, batch, compared.stop)

    def _judge_whole(self, file: PortalFile, loader: FileLoader) -> None:
        batch = loader.batch
        failed = {rule: n for rule, (action, _, n) in batch.rules.items() if action == "quarantine"}
        reason = reason_to_stop(
            loader.facts, limit=self.source.quarantine_limit, some_were_due=True, failed_by_rule=failed
        )
        stop = loader.entity.book.batch_rules[0].id
        batch.rules[stop] = ("stop", batch.received, batch.received if reason else 0)
        if reason:
            raise self._refused(file, batch, f"{reason} ({stop})")

    def _refused(self, file: PortalFile, batch: ledger.Batch, reason: str) -> DataRefused:
        return DataRefused(
            f"{self.source.id}: {file.name} with {batch.received} rows was refused whole: {reason}",
            next_step="have the file corrected or exported again; what was loaded before stays in force",
        )


def _run_id() -> str:
    return f"{system_now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def _rows(file: PortalFile, content: Content) -> TableReading:
    return read_table(content, file.name, file.entity, stamp=file.stamp)


def _rows_of(file: PortalFile, body: Content) -> int:
    """How many rows a file has that is refused for another reason; 0 where they cannot be counted."""
    try:
        with closing(read_table(body, file.name, file.entity)) as chunks:
            return sum(len(chunk.records) for chunk in chunks)
    except FileRefused as problem:
        return problem.rows
