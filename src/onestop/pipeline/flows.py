"""The steps in their order, as DAG tasks and commands call them: ingest, transform, draft, and all at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from onestop.config import Settings, required_secrets
from onestop.errors import BuildFailed, DataRefused, OnestopError
from onestop.landing import ledger
from onestop.periods import Period
from onestop.pipeline.ingest import ingest
from onestop.pipeline.ingest_result import IngestResult, Progress
from onestop.pipeline.reference import ingest_reference
from onestop.quality import reconciliation
from onestop.reporting.draft import draft
from onestop.transform.dbt import LAYERS, BuildResult, build
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.migrations import migrated

__all__ = ["LAYERS", "RunResult", "draft_report", "ingest", "ingest_reference", "run", "transform"]


@dataclass
class RunResult:
    """What a whole run did. `problems` holds what failed, by step; the rest was done all the same."""

    ingests: list[IngestResult] = field(default_factory=list)
    build: BuildResult | None = None
    reports: list[Path] = field(default_factory=list)
    problems: list[tuple[str, OnestopError]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 done, 3 if a batch was refused, else 1 if anything failed (a source that lets nobody in, too)."""
        if any(isinstance(problem, DataRefused) for _, problem in self.problems):
            return DataRefused.exit_code
        return OnestopError.exit_code if self.problems else 0


def transform(
    settings: Settings,
    *,
    known_at: datetime,
    layers: Sequence[str] | None = None,
    whole: bool = False,
    progress: Progress | None = None,
) -> BuildResult:
    """Build the models as known at a moment; the history of differences with the portal follows the marts.

    Args:
        whole: all of the history, even where what changed since the build before would do.

    Raises:
        BuildFailed: a model or a test failed; tables built before it stay, later layers were not touched.
    """
    dsn = migrated(settings, "transformer")
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        ledger.sync_sources(connection, [(s.id, s.kind) for s in settings.sources])
    if progress:
        progress("transform", 0)
    built = build(
        dsn,
        province_code=settings.province.code,
        timezone=settings.province.timezone,
        known_at=known_at,
        layers=layers or LAYERS,
        ranking_minimum_dossiers=settings.ranking.minimum_dossiers,
        target_path=settings.local / "dbt",
        whole=whole,
    )
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        connection.execute(
            "insert into ops.build (known_at, layers) values (%s, %s)", [known_at, list(layers or LAYERS)]
        )
        if "marts" in (layers or LAYERS):
            reconciliation.follow(connection)
    return built


def draft_report(settings: Settings, period: Period) -> list[Path]:
    """Write the period's draft from the built models, replacing the draft before.

    Raises:
        OnestopError: the warehouse holds no such period, or the reports' folder cannot be written.
    """
    with closing(connect(warehouse_dsn(settings, "publisher"), role="publisher")) as connection:
        row = connection.execute(
            "select known_at from ops.build where 'reports' = any(layers) order by build_id desc limit 1"
        )
        newest = row.fetchone()
        if newest is None:
            raise OnestopError("the models have not been built yet", next_step="run `onestop transform` first")
        return draft(connection, settings, period, newest[0])


def run(
    settings: Settings,
    period: Period,
    *,
    as_of: datetime,
    since: str | None = None,
    ignore_window: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """Ingest every source, build, draft the period's reports.

    A source that is down, refused or outside of its window does not hold up the others; it is in the result's problems.
    Sources are read one after the other, for the memory's sake: one that hangs delays those behind it by its own
    retry budget and one request's deadline, no longer.

    Raises:
        ConfigurationError: credentials, keys or reference files are missing; nothing was done.
    """
    for source in settings.sources:
        required_secrets(*source.secrets)
    result = RunResult()
    try:
        result.ingests += ingest_reference(settings, as_of=as_of, progress=progress)
    except DataRefused as problem:
        result.problems.append(("reference", problem))
    for source in settings.sources:
        try:
            done = ingest(settings, source.id, as_of=as_of, since=since, ignore_window=ignore_window, progress=progress)
            result.ingests.append(done)
        except OnestopError as problem:
            result.problems.append((source.id, problem))
    if not _anything_loaded(settings):
        return result
    try:
        result.build = transform(settings, known_at=as_of, progress=progress)
        if progress:
            progress(f"report {period}", 0)
        result.reports = draft_report(settings, period)
    except OnestopError as problem:
        result.problems.append(("transform" if isinstance(problem, BuildFailed) else "report", problem))
    return result


def _anything_loaded(settings: Settings) -> bool:
    """Without a single dossier ever loaded there is nothing to build from."""
    with closing(connect(warehouse_dsn(settings, "loader"), role="loader")) as connection:
        row = connection.execute(
            "select exists (select from ops.load_batch where source_id <> 'reference' and state in ('loaded', 'duplicate'))"
        ).fetchone()
    return bool(row and row[0])
