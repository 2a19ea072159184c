"""What every task does when it has failed for good, and when it went well: alerts raised and settled.

Airflow calls these in the task's own process, after the last try. It imports little: DAG files import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from onestop.platform.dag_province import settings

if TYPE_CHECKING:
    from onestop.pipeline.task_runs import TaskRun

INGEST, BACKFILL, LOAD = "ingest__", "ops__backfill", "load__"


def final(problem: BaseException, said: str | None = None) -> AirflowFailException:
    """The failure of a task that is not to be tried again; `fault` is what it was: its class says who must mend it."""
    failure = AirflowFailException(said or str(problem))
    failure.fault = problem
    return failure


def subject_of(context: Mapping[str, Any]) -> str:
    """What an alert of a task is about: the source that it asks, else the step."""
    task = context["ti"]
    if task.dag_id.startswith(INGEST):
        return str(task.dag_id.removeprefix(INGEST))
    if task.dag_id == BACKFILL and task.task_id.startswith(LOAD):
        return str(task.task_id.removeprefix(LOAD))
    return f"{task.dag_id}.{task.task_id}"


def run_url(context: Mapping[str, Any], base: str) -> str:
    """The task's page in Airflow."""
    task = context["ti"]
    return f"{base.rstrip('/')}/dags/{task.dag_id}/runs/{task.run_id}/tasks/{task.task_id}" if base else ""


def ended(context: Mapping[str, Any], fault: str | None = None) -> TaskRun:
    """What is kept of the task."""
    from onestop.pipeline.task_runs import TaskRun

    task = context["ti"]
    period = (context.get("params") or {}).get("period") or None
    return TaskRun(
        task.dag_id, task.run_id, task.task_id, task.map_index, task.try_number, task.start_date, period, fault
    )


def tell_failure(context: Mapping[str, Any]) -> None:
    """A task failed for good."""
    from airflow.sdk.configuration import conf

    from onestop.pipeline import alerting, task_runs

    problem = context.get("exception")
    fault = getattr(problem, "fault", problem)
    if not isinstance(fault, BaseException):
        fault = RuntimeError("the task was ended from outside")
    base = conf.get("api", "base_url", fallback="")
    about = subject_of(context)
    alerting.of_fault(settings(), fault, about, run_url=run_url(context, base))
    task_runs.note(settings(), ended(context, alerting.kind_of(fault, about)))


def tell_success(context: Mapping[str, Any]) -> None:
    """A task went well."""
    from onestop.pipeline import alerting, task_runs

    alerting.of_success(settings(), subject_of(context))
    task_runs.note(settings(), ended(context))
