"""How the night went, read from ops: each source against when it was due, the build, quarantine, backups, the quarter.

It reads; `watch` raises what it finds wrong, `onestop status` and the operations page show it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from onestop.alerts.book import DatabaseBook, states
from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.pipeline.impact import awaited_period
from onestop.pipeline.task_runs import DagRun, newest
from onestop.reporting.editions.model import Condition
from onestop.reporting.editions.readiness import readiness
from onestop.timetable import REFERENCE_EVERY, TRANSFORM_EVERY, last_due

Connection = psycopg.Connection[Any]
HISTORY = 20  # runs that a duration is compared with
_SOURCE = """
    select
        (select first_seen_at from ops.source where source_id = %(id)s) as known_since,
        (select max(moment) from (
            select max(started_at) as moment from ops.load_batch where source_id = %(id)s
            union all select max(started_at) from ops.ingest_attempt where source_id = %(id)s
            union all select max(at) from ops.source_run where source_id = %(id)s
        ) as any_sign) as started_at,
        (select max(finished_at) from ops.load_batch
            where source_id = %(id)s and reached_end and state in ('loaded', 'duplicate')) as succeeded_at,
        (select max(at) from ops.source_run where source_id = %(id)s and reached) as reached_at,
        (select state from ops.load_batch where source_id = %(id)s order by batch_id desc limit 1) as last_state,
        (select min(started_at) from ops.ingest_attempt where source_id = %(id)s and ended_at is null) as running_since,
        (select extract(epoch from finished_at - started_at) from ops.load_batch
            where source_id = %(id)s and state = 'loaded' order by batch_id desc limit 1)::float as seconds,
        (select percentile_cont(0.5) within group (order by seconds) from (
            select extract(epoch from finished_at - started_at) as seconds from ops.load_batch
            where source_id = %(id)s and state = 'loaded' order by batch_id desc offset 1 limit %(history)s
        ) as before) as usual_seconds,
        (select count(*) from quarantine.rejected_row where source_id = %(id)s and status = 'open') as waiting,
        (select min(first_seen_at) from quarantine.rejected_row
            where source_id = %(id)s and status = 'open') as waiting_since
"""
_BUILD = """
    select
        (select max(started_at) from ops.build_round) as started_at,
        (select max(finished_at) from ops.build_round) as finished_at,
        (select max(known_at) from ops.build where 'reports' = any(layers)) as known_at,
        (select extract(epoch from finished_at - started_at) from ops.build_round
            where finished_at is not null order by round_id desc limit 1)::float as seconds,
        (select percentile_cont(0.5) within group (order by seconds) from (
            select extract(epoch from finished_at - started_at) as seconds from ops.build_round
            where finished_at is not null order by round_id desc offset 1 limit %(history)s
        ) as before) as usual_seconds,
        (select started_at from ops.build_round where finished_at is null
            and round_id = (select max(round_id) from ops.build_round)) as running_since
"""


@dataclass(frozen=True, slots=True)
class RunState:
    """One thing that runs by timetable: a source's ingest, the reference files, or the build.

    Attributes:
        due_at: when it was last due; None: it has not been since the warehouse knows of it.
        started_at: the last sign of a start. succeeded_at: its last good end.
        running_since: an attempt that has not ended: it runs, or was killed.
        seconds, usual_seconds: how long the last took, and the median of those before.
    """

    id: str
    due_at: datetime | None
    started_at: datetime | None
    succeeded_at: datetime | None
    running_since: datetime | None
    seconds: float | None
    usual_seconds: float | None
    last_state: str | None = None
    waiting: int = 0
    waiting_since: datetime | None = None

    def did_not_start(self, at: datetime, within: timedelta) -> bool:
        """Whether it was due and nothing began."""
        if self.due_at is None or at - self.due_at < within:
            return False
        return self.started_at is None or self.started_at < self.due_at - timedelta(minutes=5)

    def is_late(self, at: datetime, within: timedelta) -> bool:
        """Whether what was due has no good end yet."""
        if self.due_at is None or at - self.due_at < within:
            return False
        return self.succeeded_at is None or self.succeeded_at < self.due_at - timedelta(minutes=5)

    def slow_since(self, at: datetime) -> timedelta | None:
        """How long it takes, where that is far from usual: three times as long, and half an hour more.

        Of a first load nobody knows what is usual: more than six hours are not.
        """
        usual = self.usual_seconds
        limit = timedelta(hours=6) if usual is None else timedelta(seconds=max(3 * usual, usual + 1800))
        if self.running_since is not None:
            took = at - self.running_since
        elif self.usual_seconds is not None and self.seconds is not None:
            took = timedelta(seconds=self.seconds)
        else:
            return None
        return took if took > limit else None


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """What is wrong now."""

    fingerprint: str
    title: str
    opened_at: datetime
    times_seen: int
    failing_channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Night:
    """Everything that one look says."""

    at: datetime
    within: timedelta
    sources: Sequence[RunState]
    reference: RunState
    build: RunState
    known_at: datetime | None
    alerts: Sequence[OpenAlert]
    looked_at: datetime | None
    backup_at: datetime | None
    free: dict[str, int]
    period: str
    conditions: Sequence[Condition] | None
    dag_runs: Sequence[DagRun]

    @property
    def runs(self) -> tuple[RunState, ...]:
        """All that runs by timetable."""
        return (self.reference, *self.sources, self.build)

    @property
    def late(self) -> list[RunState]:
        """What was due and has no good end."""
        return [run for run in self.runs if run.is_late(self.at, self.within)]

    @property
    def waiting(self) -> int:
        """Rejected rows that wait."""
        return sum(run.waiting for run in self.sources)

    @property
    def is_fine(self) -> bool:
        """Nothing late, nothing wrong."""
        return not self.late and not self.alerts

    @property
    def is_ready(self) -> bool | None:
        """Whether the awaited quarter could be signed; None: nothing was built."""
        return None if self.conditions is None else all(c.state != "open" for c in self.conditions)


def read_night(connection: Connection, settings: Settings, at: datetime) -> Night:
    """Look at everything; the connection commits by itself."""
    period = awaited_period(settings, at)
    try:
        with connection.transaction():
            conditions: Sequence[Condition] | None = readiness(connection, settings, period, at=at).conditions
    except (OnestopError, psycopg.errors.UndefinedTable):
        conditions = None
    alerts = [
        OpenAlert(
            s.alert.fingerprint, s.alert.about.title_en.format(subject=s.alert.subject), s.opened_at, s.times_seen,
            tuple(s.failing),
        )
        for s in states(DatabaseBook(connection))
        if s.is_open
    ]  # fmt: skip
    build = _row(connection, _BUILD, {"history": HISTORY})
    known_at = build.pop("known_at")
    reference = _source(connection, settings, "reference", REFERENCE_EVERY, at)
    sources = [_source(connection, settings, source.id, source.every, at) for source in settings.sources]
    due = last_due(TRANSFORM_EVERY, at, settings.zone)
    first = min((s.succeeded_at for s in sources if s.succeeded_at), default=None)
    return Night(
        at=at,
        within=timedelta(minutes=settings.watch.start_within_minutes),
        sources=sources,
        reference=reference,
        build=RunState(
            "transform__warehouse", due if due and first and first < due else None, succeeded_at=build.pop("finished_at"),
            **build,
        ),
        known_at=known_at,
        alerts=alerts,
        looked_at=_one(connection, "select max(looked_at) from ops.watch_look"),
        backup_at=_one(
            connection, "select max(finished_at) from ops.maintenance_run where task = 'backup' and details ? 'proved'"
        ),
        free=free_room(settings),
        period=f"{period.convention} {period.name}",
        conditions=conditions,
        dag_runs=newest(connection, at),
    )  # fmt: skip


def free_room(settings: Settings) -> dict[str, int]:
    """Free bytes by folder; those on one disk once."""
    found: dict[int, tuple[str, int]] = {}
    landing = Path(settings.landing_url) if "://" not in settings.landing_url else settings.local
    for name, path in (("local", settings.local), ("landing", landing), ("reports", settings.reports_path)):
        there = next((p for p in (path, *path.parents) if p.exists()), None)
        if there is not None:
            found.setdefault(there.stat().st_dev, (name, shutil.disk_usage(there).free))
    return dict(found.values())


def _source(connection: Connection, settings: Settings, source_id: str, every: str, at: datetime) -> RunState:
    row = _row(connection, _SOURCE, {"id": source_id, "history": HISTORY})
    known, reached = row.pop("known_since"), row.pop("reached_at")
    window = next((s.window for s in settings.sources if s.id == source_id), None)
    due = last_due(every, at, settings.zone, window)
    if source_id == "reference":
        known = row["succeeded_at"]
    if due is not None and (known is None or known > due):
        due = None
    # A night on which a folder has no new file leaves no batch: that it was reached is its good end.
    if row["succeeded_at"] and reached and row["last_state"] in ("loaded", "duplicate"):
        row["succeeded_at"] = max(row["succeeded_at"], reached)
    return RunState(source_id, due, **row)


def _row(connection: Connection, query: str, values: dict[str, Any]) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query.encode(), values).fetchone()
    return found or {}


def _one(connection: Connection, query: str) -> datetime | None:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
