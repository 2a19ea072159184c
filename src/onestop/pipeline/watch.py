"""One look of the watch: what did not start, takes long, is silent, waits or runs full becomes an alert; what is over, settles.

It asks no source and starts nothing, so that it may look at any time.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Set
from dataclasses import asdict
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from onestop.alerts.desk import FAILED_CHANNEL, Told
from onestop.alerts.model import Alert
from onestop.config import Settings
from onestop.errors import WarehouseUnavailable
from onestop.logs import say
from onestop.pipeline import alerting
from onestop.pipeline.impact import impact
from onestop.pipeline.metrics import write_metrics
from onestop.pipeline.night import Night, read_night
from onestop.pipeline.silence import Finding, silences
from onestop.pipeline.undelivered import undelivered

KINDS = frozenset(
    (
        "run_missing", "run_slow", "source_silent", "unit_silent", "coverage_gap", "quarantine_waiting", "disk_low",
        "backup_failed", "delivery_failed",
    )
)  # fmt: skip
_log = logging.getLogger(__name__)
_BACKUP_AFTER, _KEPT = timedelta(hours=48), timedelta(days=90)


def look(settings: Settings, at: datetime) -> tuple[list[Finding], Night, list[Told]]:
    """Look, raise, settle, tell what is due, leave the figures for the province's monitoring.

    Raises:
        WarehouseUnavailable: there is nothing to look at; that is told, too.
    """
    with alerting.desk(settings) as (desk, connection):
        if connection is None:
            problem = WarehouseUnavailable(
                "the watch cannot reach the warehouse", next_step="see `onestop status` and `onestop doctor`"
            )
        else:
            night = read_night(connection, settings, at)
            found = findings(night, settings)
            loud = {f.subject for f in found if f.kind == "run_missing"}
            loud |= {
                a.fingerprint.partition(":")[2] for a in night.alerts if a.fingerprint.startswith("source_unavail")
            }
            # Of a source that cannot be read, or was not, its silence is no news.
            found += [
                f for f in silences(connection, settings, at) if f.kind != "source_silent" or f.subject not in loud
            ]
            found += undelivered(connection, settings, at)
            for finding in found:
                said = impact(connection, settings, finding.kind, finding.subject, at)
                desk.raise_(Alert(finding.kind, finding.subject, finding.evidence, finding.evidence_vi, *said), at)
            still = {(f.kind, f.subject) for f in found}
            desk.settle(lambda alert: _is_over(alert, still, settings), at)
            told = desk.tell(at)
            connection.execute(
                "insert into ops.watch_look (looked_at, findings) values (%s, %s) on conflict (looked_at)"
                " do update set findings = excluded.findings",
                [at, Jsonb([asdict(f) for f in found])],
            )
            connection.execute("delete from ops.watch_look where looked_at < %s", [at - _KEPT])
            night = read_night(connection, settings, at)
            write_metrics(settings.metrics_path, night)
            say(_log, "looked", findings=dict(Counter(f.kind for f in found)))
            return found, night, told
    alerting.of_fault(settings, problem, "ops__source_watch")
    raise problem


def findings(night: Night, settings: Settings) -> list[Finding]:
    """What the runs, the rows that wait, the disks and the backups say."""
    found = []
    zone = settings.zone
    for run in night.runs:
        due = f"{run.due_at.astimezone(zone):%Y-%m-%d %H:%M}" if run.due_at else ""
        if run.did_not_start(night.at, night.within):
            last = f"{run.started_at.astimezone(zone):%Y-%m-%d %H:%M}" if run.started_at else "never"
            found.append(Finding("run_missing", run.id, f"it was due at {due}; the last start was {last}"))
        if took := run.slow_since(night.at):
            usual = timedelta(seconds=round(run.usual_seconds)) if run.usual_seconds else "unknown"
            has = "has run (or was killed and not started again) for" if run.running_since else "took"
            found.append(Finding("run_slow", run.id, f"it {has} {_short(took)}; usual: {usual}"))
    limit = timedelta(days=settings.watch.quarantine_days)
    for run in night.sources:
        if run.waiting_since and night.at - run.waiting_since > limit:
            days = (night.at - run.waiting_since).days
            found.append(
                Finding(
                    "quarantine_waiting",
                    run.id,
                    f"{run.waiting:,} rows wait, the oldest for {days} days",
                    f"{run.waiting} bản ghi đang chờ sửa, lâu nhất {days} ngày",
                )
            )
    for name, free in night.free.items():
        if free < settings.watch.free_gib * 2**30:
            found.append(Finding("disk_low", name, f"{free / 2**30:.1f} GiB are free"))
    began = min((run.succeeded_at for run in night.sources if run.succeeded_at), default=None)
    newest = night.backup_at or began
    if newest and night.at - newest > _BACKUP_AFTER:
        last = f"the last one is of {night.backup_at:%Y-%m-%d %H:%M} UTC" if night.backup_at else "there never was one"
        found.append(Finding("backup_failed", "backup", last))
    return found


def _is_over(alert: Alert, still: Set[tuple[str, str]], settings: Settings) -> bool:
    """What the watch does not find any more; what is about a source or a channel that province.yml no longer has."""
    if alert.kind == "warehouse_unavailable":
        return True
    if alert.kind == FAILED_CHANNEL:
        return alert.subject not in settings.alerts.targets
    if alert.kind in ("source_unavailable", "window_closed", "data_refused"):
        return alert.subject not in {"reference", *(source.id for source in settings.sources)}
    return alert.kind in KINDS and (alert.kind, alert.subject) not in still


def _short(span: timedelta) -> timedelta:
    return timedelta(seconds=round(span.total_seconds()))
