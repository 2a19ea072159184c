"""A look of the watch with its page, and the night as `onestop status` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from onestop.alerts.desk import Told
from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.pipeline import openlineage, watch
from onestop.pipeline.night import Night, RunState, read_night
from onestop.pipeline.quality_pages import write_pages
from onestop.pipeline.silence import Finding
from onestop.reporting.operations_page import AlertRow, DagRow, Operations, RunRow, operations_page
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.migrations import migrate

PAGE = "index.html"


@dataclass(frozen=True)
class Look:
    """What a look found, told, and wrote."""

    findings: Sequence[Finding]
    told: Sequence[Told]
    night: Night
    page: Path


def look(settings: Settings, at: datetime) -> Look:
    """Look, tell, and write the operations page.

    Raises:
        WarehouseUnavailable: the warehouse cannot be reached.
        OnestopError: the page cannot be written.
    """
    found, night, told = watch.look(settings, at)
    page = write_page(settings, night)
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        openlineage.emit(settings, connection)
    return Look(found, told, night, page)


def night(settings: Settings, dsn: str, at: datetime) -> Night | None:
    """How it stands; None where the warehouse cannot be asked."""
    try:
        with closing(connect(dsn, autocommit=True)) as connection:
            migrate(connection)
            return read_night(connection, settings, at)
    except (OnestopError, psycopg.Error):
        return None


def write_page(settings: Settings, night: Night) -> Path:
    """Write `<reports.path>/operations/index.html`."""
    page = operations_page(view(night), province=settings.province.name_vi, zone=settings.zone)
    return write_pages(settings.reports_path / "operations", {PAGE: page})[0]


def view(night: Night) -> Operations:
    """What the page shows of it."""
    return Operations(
        at=night.at,
        is_fine=night.is_fine,
        runs=[_row(run, night) for run in night.runs],
        alerts=[AlertRow(a.fingerprint, a.title, a.opened_at, a.times_seen, a.failing_channels) for a in night.alerts],
        known_at=night.known_at,
        looked_at=night.looked_at,
        backup_at=night.backup_at,
        free=night.free,
        period=night.period,
        dags=[
            DagRow(r.dag_id, r.period, r.started_at, r.finished_at, r.tasks, r.failed_tasks or ())
            for r in night.dag_runs
        ],
        conditions=None if night.conditions is None else [(c.state, c.text_vi) for c in night.conditions],
    )


def _row(run: RunState, night: Night) -> RunRow:
    missing, late = run.did_not_start(night.at, night.within), run.is_late(night.at, night.within)
    return RunRow(
        id=run.id,
        verdict="none" if run.due_at is None else "missing" if missing else "late" if late else "fine",
        due_at=run.due_at,
        succeeded_at=run.succeeded_at,
        took=None if run.seconds is None else timedelta(seconds=run.seconds),
        usual=None if run.usual_seconds is None else timedelta(seconds=run.usual_seconds),
        waiting=run.waiting,
        waiting_days=(night.at - run.waiting_since).days if run.waiting_since else 0,
    )
