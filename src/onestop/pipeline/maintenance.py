"""What grows is kept short by province.yml's policy, and tables are vacuumed. Nothing that a figure rests on is removed.

Kept for good: raw, published, the ledger, rejected rows with their history. Removed after their time: landed deliveries,
logs, sealed payloads of rejected rows that were settled, Airflow's own history.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from onestop.clock import system_now
from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.pipeline.backup import note
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.migrations import migrate

AIRFLOW_SECONDS = 1800


@dataclass(frozen=True)
class Removed:
    """What retention took away."""

    landing_runs: int
    log_files: int
    payloads: int


def retain(settings: Settings, at: datetime) -> Removed:
    """Remove what is older than its policy allows; twice is once.

    Raises:
        OnestopError: something cannot be removed.
    """
    started, policy = system_now(), settings.maintenance
    done = Removed(
        _landing(settings, at - timedelta(days=policy.landing_days)) if policy.landing_days else 0,
        _logs(settings, at - timedelta(days=policy.log_days)) if policy.log_days else 0,
        _payloads(settings, at - timedelta(days=policy.quarantine_payload_days))
        if policy.quarantine_payload_days
        else 0,
    )
    note(settings, "retention", started, {"landing_runs": done.landing_runs, "log_files": done.log_files,
                                          "payloads": done.payloads})  # fmt: skip
    return done


def vacuum(settings: Settings) -> int:
    """Vacuum and analyse the tables that loads and builds write; how many."""
    started = system_now()
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        migrate(connection)
        names = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('raw', 'quarantine', 'ops', 'published', 'intermediate', 'mart') order by 1"
        ).fetchall()
        for (name,) in names:
            connection.execute(f"vacuum (analyze, skip_locked) {name}".encode())
    note(settings, "vacuum", started, {"tables": len(names)})
    return len(names)


def clean_airflow(settings: Settings, at: datetime, environment: dict[str, str]) -> str:
    """Remove Airflow's own history beyond `maintenance.airflow_days` with its own command, in a process of its own.

    Args:
        environment: that of Airflow's servers: a task may not touch their database.

    Raises:
        OnestopError: the command failed.
    """
    if settings.maintenance.airflow_days is None:
        return "kept for good"
    started, before = system_now(), at - timedelta(days=settings.maintenance.airflow_days)
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat(), "--skip-archive",
         "--yes"],
        env=environment, capture_output=True, text=True, check=False, timeout=AIRFLOW_SECONDS,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
        raise OnestopError(f"airflow db clean failed: {last}", next_step="run it by hand to see all of what it says")
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        connection.execute("delete from ops.task_run where finished_at < %s", [before])
    note(settings, "airflow", started, {"before": before.isoformat()})
    return f"removed what ended before {before:%Y-%m-%d}"


def _landing(settings: Settings, before: datetime) -> int:
    """Runs that ended before then and are of no use any more: loaded, or a duplicate. A refused one waits for its replay."""
    if "://" in settings.landing_url:
        raise OnestopError(
            "maintenance.landing_days works on a folder only",
            next_step="use the store's own lifecycle rules, and leave the key out",
        )
    root = Path(settings.landing_url)
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        migrate(connection)
        paths = connection.execute(
            "select landing_path from ops.load_batch where landing_path is not null group by landing_path"
            " having max(finished_at) < %s and bool_and(state in ('loaded', 'duplicate'))",
            [before],
        ).fetchall()
    removed = 0
    for (path,) in paths:
        folder = (root / path).resolve()
        if folder.is_relative_to(root.resolve()) and folder != root.resolve() and folder.is_dir():
            shutil.rmtree(folder)
            removed += 1
    return removed


def _logs(settings: Settings, before: datetime) -> int:
    removed = 0
    for file in _files(settings.local / "logs"):
        if file.stat().st_mtime < before.timestamp():
            file.unlink(missing_ok=True)
            removed += 1
    for folder, _, _ in os.walk(settings.local / "logs", topdown=False):
        if Path(folder) != settings.local / "logs" and not any(Path(folder).iterdir()):
            Path(folder).rmdir()
    return removed


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place) / name


def _payloads(settings: Settings, before: datetime) -> int:
    """Of rows that were taken back or dismissed; the row, its rules and its history stay."""
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        migrate(connection)
        done = connection.execute(
            "update quarantine.rejected_row as row set payload = '{}' where status <> 'open' and payload <> '{}'"
            " and first_seen_at < %(before)s and not exists (select from quarantine.row_event as event"
            " where event.rejected_id = row.rejected_id and event.happened_at >= %(before)s)",
            {"before": before},
        )
        return done.rowcount
