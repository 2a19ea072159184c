"""The reference folder: each file landed, checked, loaded as a new version, or refused whole.

The newest accepted version of a file is the one in force; older ones stay in raw as history.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg
import pyarrow as pa

from onestop.clock import system_now
from onestop.config import Settings
from onestop.errors import ConfigurationError, DataRefused
from onestop.landing import ledger
from onestop.landing.store import LandingStore
from onestop.pipeline.ingest_result import IngestResult, Progress
from onestop.pipeline.keys import load_keys
from onestop.pipeline.warehouse_faults import explained
from onestop.quality.compare import compare_size
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import reference_rules
from onestop.sources.reference import FILES, ReferenceFile, Row, check_whole, gaps, read_reference, refuse_if
from onestop.warehouse.connection import connect
from onestop.warehouse.copy import copy_columns
from onestop.warehouse.migrations import migrated

SOURCE = "reference"
_GAPS_SHOWN = 5
Connection = psycopg.Connection[tuple[object, ...]]


def ingest_reference(settings: Settings, *, as_of: datetime, progress: Progress | None = None) -> list[IngestResult]:
    """Load every reference file that is there.

    Returns:
        one result per file, unchanged ones as duplicates; then `message` names files that were ignored.

    Raises:
        ConfigurationError: the folder, or a file that is required, is missing.
        DataRefused: a file has mistakes; it was refused whole, the others were loaded.
    """
    folder = settings.reference_path
    files = [(kind, folder / kind.name) for kind in FILES]
    missing = [kind.name for kind, path in files if kind.mandatory and not path.is_file()]
    if missing:
        raise ConfigurationError(
            f"reference files are missing in {folder}: {', '.join(missing)}",
            next_step="put them there; docs/sources.md says what they hold",
        )
    known = {kind.name for kind, _ in files}
    ignored = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name not in known)
    store = LandingStore(settings.landing_url, load_keys(settings).data, options=settings.landing_options)
    results: list[IngestResult] = []
    refusals: list[DataRefused] = []
    dsn = migrated(settings, "loader")
    with (
        explained("ingest reference"),
        closing(connect(dsn, autocommit=True, role="loader")) as control,
        closing(connect(dsn, role="loader")) as work,
    ):
        ledger.lock_source(control, SOURCE)
        for kind, path in files:
            if not path.is_file():
                continue
            try:
                results.append(_load_file(settings, work, store, kind, path, as_of))
            except DataRefused as problem:
                refusals.append(problem)
            if progress:
                progress(f"reference {kind.name}", sum(r.received for r in results))
    if refusals:
        raise DataRefused("\n".join(r.message for r in refusals), next_step=refusals[0].next_step)
    if ignored and results:
        note = f"ignored in the reference folder: {', '.join(ignored)}"
        results[-1] = results[-1].with_message(note)
    return results


def _load_file(
    settings: Settings, work: Connection, store: LandingStore, kind: ReferenceFile, path: Path, as_of: datetime
) -> IngestResult:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ConfigurationError(
            f"{path} cannot be read: {problem.strerror}", next_step="make it readable for the account that runs onestop"
        ) from None
    started = system_now()
    landed = store.open_run(SOURCE, kind.entity, f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}")
    landed.put(1, content)
    landed.close({"source": SOURCE, "entity": kind.entity, "file": kind.name})
    with work.cursor() as cursor:
        batch = ledger.Batch(
            batch_id=ledger.next_batch_id(cursor),
            source_id=SOURCE,
            entity=kind.entity,
            origin=kind.name,
            accepted_at=as_of,
            is_first_load=ledger.is_first_load(cursor, SOURCE),
            landing_path=landed.path,
            sha256=hashlib.sha256(content).hexdigest(),
            started_at=started,
        )
        try:
            rows = read_reference(kind, content)
            batch.received = len(rows)
            units = set(_agency_index(cursor).agencies)
            refuse_if(kind.name, check_whole(kind, rows, settings.province.code, units))
            batch.message = "; ".join(gaps(kind, rows)[:_GAPS_SHOWN]) or None
            in_force, sha256 = _in_force(cursor, kind.entity)
            if sha256 != batch.sha256:
                _compare(cursor, kind, batch, in_force)
        except DataRefused as problem:
            work.rollback()
            batch.received = batch.received or max(content.count(b"\n") - 1, 0)
            batch.refuse_all("refused", problem.message)
            ledger.write_batch(cursor, batch)
            work.commit()
            raise
        if sha256 == batch.sha256:
            batch.duplicate, batch.state = batch.received, "duplicate"
        else:
            batch.accepted = _copy(cursor, kind, batch.batch_id, rows)
        ledger.write_batch(cursor, batch)
    work.commit()
    return IngestResult.of(batch)


def _compare(
    cursor: psycopg.Cursor[tuple[object, ...]], kind: ReferenceFile, batch: ledger.Batch, in_force: int | None
) -> None:
    """The file beside the version in force. Raises DataRefused where a rule that differs is a `stop`."""
    if (book := reference_rules(kind.entity)) is None:
        return
    cursor.execute("select received from ops.load_batch where batch_id = %s", [in_force])
    row = cursor.fetchone()
    compared = compare_size(
        cursor, book.delivery_rules, batch.batch_id, batch.received, int(str(row[0])) if row else None
    )
    batch.rules |= compared.counts
    batch.message = "; ".join(filter(None, (batch.message, compared.message))) or None
    if compared.stop:
        raise DataRefused(f"{kind.name} was refused whole: {compared.stop}", next_step="see whether the file is whole")


def _copy(cursor: psycopg.Cursor[tuple[object, ...]], kind: ReferenceFile, batch_id: int, rows: list[Row]) -> int:
    columns = {name: pa.array([r[name] for r in rows], pa.string()) for name in kind.columns}
    numbers = {
        "batch_id": pa.repeat(pa.scalar(batch_id, pa.int64()), len(rows)),
        "row_number": pa.array(range(1, len(rows) + 1), pa.int64()),
    }
    return copy_columns(cursor, "raw", kind.entity, numbers | columns)


def _in_force(cursor: psycopg.Cursor[tuple[object, ...]], entity: str) -> tuple[int | None, str | None]:
    """Batch and sha256 of the newest accepted version of a file."""
    cursor.execute(
        "select batch_id, sha256 from ops.load_batch where source_id = %s and entity = %s and state = 'loaded'"
        " order by batch_id desc limit 1",
        [SOURCE, entity],
    )
    row = cursor.fetchone()
    return (int(str(row[0])), str(row[1])) if row else (None, None)


def _agency_index(cursor: psycopg.Cursor[tuple[object, ...]]) -> ReferenceIndex:
    batch_id, _ = _in_force(cursor, "agency")
    cursor.execute("select agency_code, valid_from, valid_to from raw.agency where batch_id = %s", [batch_id])
    return ReferenceIndex.build(cursor.fetchall(), [])  # type: ignore[arg-type]


def reference_index(cursor: psycopg.Cursor[tuple[object, ...]]) -> ReferenceIndex:
    """Units and procedures in force.

    Raises:
        ConfigurationError: none were ever loaded, so no dossier's unit could be known.
    """
    batch_id, _ = _in_force(cursor, "agency")
    if batch_id is None:
        raise ConfigurationError(
            "no reference data has been loaded yet, so every unit would be unknown",
            next_step="run `onestop ingest reference` (or the DAG ingest__reference) first",
        )
    index = _agency_index(cursor)
    procedures, _ = _in_force(cursor, "procedure")
    cursor.execute("select procedure_code from raw.procedure where batch_id = %s", [procedures])
    index.procedures = ReferenceIndex.build([], (str(row[0]) for row in cursor)).procedures
    return index
