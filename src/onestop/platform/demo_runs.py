"""The demonstration's DAG runs: reference, all sources at once, what their data start by themselves, the report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from onestop.platform.airflow_client import AirflowClient, Run, Task
from onestop.platform.demo_screen import Screen, Step
from onestop.platform.names import PROGRESS_MARK, REFERENCE_DAG, REPORT_DAG, TRANSFORM_DAG, source_dag

RUN_SECONDS = 1800
ASSET_SECONDS = 30
LOOK_SECONDS = 1.0


def run_dags(client: AirflowClient, screen: Screen, sources: Sequence[str], period: str) -> list[str]:
    """Reference, sources, transformation, report as DAG runs, shown on the screen; the report's files.

    Raises:
        OnestopError: a run failed.
    """
    _follow(client, screen, client.trigger(REFERENCE_DAG))
    before = datetime.now(UTC)
    ingests = [source_dag(source) for source in sources]
    _follow_all(client, screen, ingests)
    _transform(client, screen, ingests, before)
    run = _follow(client, screen, client.trigger(REPORT_DAG, {"period": period, "ask_approval": False}))
    return [str(path) for path in client.returned(run, "draft")]


def _follow(client: AirflowClient, screen: Screen, run: Run) -> Run:
    """Show a run that has begun to its end."""
    with screen.step(run.dag_id) as step:
        return client.wait(run, timeout_seconds=RUN_SECONDS, on_progress=lambda tasks: _tell(client, run, tasks, step))


def _follow_all(client: AirflowClient, screen: Screen, dag_ids: Sequence[str]) -> None:
    """Begin one run of each DAG and show them side by side until all have ended.

    Raises:
        OnestopError: a run failed or took too long.
    """
    deadline = time.monotonic() + RUN_SECONDS
    with ExitStack() as steps:
        going: list[tuple[ExitStack, Step, Run]] = []
        for dag_id in dag_ids:
            own = steps.enter_context(ExitStack())
            step = own.enter_context(screen.step(dag_id))
            going.append((own, step, client.trigger(dag_id)))
        while going:
            for own, step, begun in list(going):
                run = client.run(begun.dag_id, begun.run_id)
                _tell(client, run, client.tasks(run), step)
                if run.finished or time.monotonic() > deadline:
                    client.wait(run, timeout_seconds=0)  # returns if it ended well, else says why it did not
                    own.close()
                    going.remove((own, step, begun))
            if going:
                time.sleep(LOOK_SECONDS)


def _transform(client: AirflowClient, screen: Screen, ingests: Sequence[str], since: datetime) -> None:
    """Follow the runs that the sources' new data start by themselves, until all sources' data are in one that ended.

    One run may be due to several sources, and each source starts one at most; they take place one after another, so the
    last one sees everything. Should one not come, a run of our own takes its place.
    """
    missing = set(ingests)
    followed: set[str] = set()
    deadline = time.monotonic() + ASSET_SECONDS
    while missing:
        new = [run for run in client.asset_runs(TRANSFORM_DAG, since) if run.run_id not in followed]
        if new:
            run = new[0]
            _follow(client, screen, run)
            followed.add(run.run_id)
            missing -= client.causes(run)
            deadline = time.monotonic() + ASSET_SECONDS
        elif time.monotonic() > deadline:
            _follow(client, screen, client.trigger(TRANSFORM_DAG))
            return
        else:
            time.sleep(LOOK_SECONDS)


def _tell(client: AirflowClient, run: Run, tasks: list[Task], step: Step) -> None:
    """Say in a step which task runs, for how long, and how many records it has done by its log."""
    done = sum(task.state == "success" for task in tasks)
    words = [f"{done}/{len(tasks)} tasks"]
    for task in tasks:
        if task.state == "running":
            words.append(f"{task.task_id} {task.seconds:.0f} s")
        if task.state == "running" or done == len(tasks):
            progress = [line for line in client.log_lines(run, task) if PROGRESS_MARK in line][-1:]
            records = [line.rpartition(PROGRESS_MARK)[2].strip() for line in progress]
            words += [f"{int(text):,} records" for text in records if text.isdigit() and text != "0"]
    step.detail = " · ".join(words)
