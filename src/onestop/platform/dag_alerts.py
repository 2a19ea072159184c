"""What every task does when it has failed for good, and when it went well: alerts raised and settled.

Airflow calls these in the task's own process, after the last try. It imports little: DAG files import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

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


def tell_failure(context: Mapping[str, Any]) -> None:
    """A task failed for good."""
    from airflow.sdk.configuration import conf

    from onestop.pipeline import alerting
    from onestop.platform.dag_support import settings

    problem = context.get("exception")
    fault = getattr(problem, "fault", problem)
    if not isinstance(fault, BaseException):
        fault = RuntimeError("the task was ended from outside")
    base = conf.get("api", "base_url", fallback="")
    alerting.of_fault(settings(), fault, subject_of(context), run_url=run_url(context, base))


def tell_success(context: Mapping[str, Any]) -> None:
    """A task went well."""
    from onestop.pipeline import alerting
    from onestop.platform.dag_support import settings

    alerting.of_success(settings(), subject_of(context))
