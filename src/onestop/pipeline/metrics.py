"""The night in Prometheus' text format, in a file for the node exporter's textfile collector; no endpoint to keep up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from onestop.errors import WarehouseUnavailable
from onestop.pipeline.night import Night

_Sample = tuple[dict[str, str], float]
_HELP = {
    "onestop_watch_timestamp_seconds": "When ops__source_watch last looked. Alert on it: it watches the watch.",
    "onestop_run_due_timestamp_seconds": "When a run was last due.",
    "onestop_run_started_timestamp_seconds": "The last sign of a start.",
    "onestop_run_success_timestamp_seconds": "The last good end.",
    "onestop_run_seconds": "How long the last run took.",
    "onestop_run_late": "1: what was due has no good end yet.",
    "onestop_quarantine_rows": "Rejected rows that wait.",
    "onestop_figures_known_timestamp_seconds": "The moment whose knowledge the figures have.",
    "onestop_backup_timestamp_seconds": "The last backup that a restore proved.",
    "onestop_disk_free_bytes": "Room on the disks.",
    "onestop_alerts_open": "What is wrong now, by kind.",
    "onestop_alert_channels_failing": "Channels that did not take their last message.",
    "onestop_quarter_conditions_open": "Conditions that keep the awaited quarter from being signed.",
}


def write_metrics(path: Path, night: Night) -> None:
    """Replace the file; a reader sees the old or the new one whole.

    Raises:
        WarehouseUnavailable: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")  # not *.prom: the collector does not read it
        new.write_text(metrics_text(night), encoding="utf-8")
        new.replace(path)
    except OSError as problem:
        raise WarehouseUnavailable(
            f"{path} cannot be written: {problem.strerror or problem}",
            next_step="correct watch.metrics in province.yml",
        ) from None


def metrics_text(night: Night) -> str:
    """All samples, each family with what it means."""
    lines = []
    families = dict(_families(night))
    for name, meaning in _HELP.items():
        if samples := list(families.get(name, ())):
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_labels(labels)} {value:g}" if value < 1e6 else f"{name}{_labels(labels)} {value:.0f}"
                      for labels, value in samples]  # fmt: skip
    return "\n".join(lines) + "\n"


def _families(night: Night) -> Iterator[tuple[str, Iterable[_Sample]]]:
    runs = [({"run": run.id}, run) for run in night.runs]
    yield "onestop_watch_timestamp_seconds", _moment(night.looked_at)
    for name, part in (("due", "due_at"), ("started", "started_at"), ("success", "succeeded_at")):
        moments = [(labels, getattr(run, part)) for labels, run in runs]
        yield f"onestop_run_{name}_timestamp_seconds", [(at, m.timestamp()) for at, m in moments if m is not None]
    yield "onestop_run_seconds", [(at, run.seconds) for at, run in runs if run.seconds is not None]
    yield "onestop_run_late", [(at, float(run.is_late(night.at, night.within))) for at, run in runs]
    yield "onestop_quarantine_rows", [({"source": run.id}, float(run.waiting)) for run in night.sources]
    yield "onestop_figures_known_timestamp_seconds", _moment(night.known_at)
    yield "onestop_backup_timestamp_seconds", _moment(night.backup_at)
    yield "onestop_disk_free_bytes", [({"disk": name}, float(free)) for name, free in night.free.items()]
    kinds = [alert.fingerprint.partition(":")[0] for alert in night.alerts]
    yield "onestop_alerts_open", [({"kind": kind}, float(kinds.count(kind))) for kind in sorted(set(kinds))]
    failing = {channel for alert in night.alerts for channel in alert.failing_channels}
    yield "onestop_alert_channels_failing", [({}, float(len(failing)))]
    if night.conditions is not None:
        still = sum(c.state == "open" for c in night.conditions)
        yield "onestop_quarter_conditions_open", [({"period": night.period}, float(still))]


def _moment(moment: datetime | None) -> list[_Sample]:
    return [({}, moment.timestamp())] if moment else []


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}" if labels else ""
