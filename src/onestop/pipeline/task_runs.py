"""How the tasks of DAG runs ended, as they tell it themselves: kept in ops.task_run, shown by the operations page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row

from onestop.config import Settings
from onestop.pipeline import alerting

SHOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TaskRun:
    """A task that ended. period: what its run was asked for. fault: the kind of its alert; None: it went well."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    started_at: datetime | None
    period: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class DagRun:
    """A run of a DAG: when its first task began and its newest one ended, and those that failed."""

    dag_id: str
    run_id: str
    period: str | None
    started_at: datetime | None
    finished_at: datetime
    tasks: int
    failed_tasks: Sequence[str] | None


def note(settings: Settings, run: TaskRun) -> None:
    """Keep how a task ended. A warehouse that is away loses the line, not the task: that is told as an alert."""

    def act(_: object, connection: psycopg.Connection[Any] | None, at: datetime) -> None:
        if connection is not None:
            state = "failed" if run.fault else "success"
            connection.execute(
                "insert into ops.task_run (dag_id, run_id, task_id, map_index, try_number, state, period, started_at,"
                " finished_at, fault) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [run.dag_id, run.run_id, run.task_id, run.map_index, run.try_number, state, run.period, run.started_at,
                 at, run.fault],
            )  # fmt: skip

    alerting.at_desk(settings, act)


def newest(connection: psycopg.Connection[Any], at: datetime) -> list[DagRun]:
    """The newest run of each DAG of the last week, by name."""
    with connection.cursor(row_factory=class_row(DagRun)) as cursor:
        return cursor.execute(
            "select distinct on (dag_id) * from ops.dag_run where finished_at > %s order by dag_id, finished_at desc",
            [at - SHOWN],
        ).fetchall()
