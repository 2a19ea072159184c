"""What every DAG file shares: the settings, the defaults, and which faults are worth a retry.

The scheduler reads every DAG file again and again, so this module imports little, reads province.yml and
nothing else. Tasks import the pipeline themselves.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from airflow.sdk import Asset, CronTriggerTimetable, Param, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from onestop.config import Settings
from onestop.errors import OnestopError, WindowClosed
from onestop.platform.dag_alerts import final, tell_failure, tell_success
from onestop.platform.dag_province import settings
from onestop.platform.names import PROGRESS_MARK, source_pool
from onestop.platform.run_notes import noted
from onestop.timetable import MAINTENANCE_EVERY, REFERENCE_EVERY, TRANSFORM_EVERY, WATCH_EVERY

__all__ = [
    "APPROVE",
    "AS_OF",
    "IGNORE_WINDOW",
    "LONGEST_PULL",
    "MAINTENANCE_EVERY",
    "MART",
    "REFERENCE_EVERY",
    "SINCE",
    "TRANSFORM_EVERY",
    "WATCH_EVERY",
    "approval",
    "dag_defaults",
    "final_faults",
    "local_cron",
    "log_progress",
    "raw_asset",
    "settings",
    "source_pool",
    "step",
]

OWNER = "onestop"
FILES_QUEUE = "files"
_MOMENT = {"type": ["null", "string"], "format": "date-time"}
AS_OF = Param(None, **_MOMENT, title="As of", description="What 'now' is. Empty: the clock.")
SINCE = Param(None, **_MOMENT, title="Since", description="Where a first load starts. Empty: at the very beginning.")
IGNORE_WINDOW = Param(
    False, type="boolean", title="Ignore window", description="Ask the source outside of its `window`, too."
)
MART = Asset(name="mart", uri="onestop://mart")

APPROVE, SEND_BACK = "Phê duyệt và công bố", "Trả lại"
_ANSWER_WITHIN = timedelta(days=30)

# Shorter than a day, so that a night's run which never got its turn is seen before the next one.
LONGEST_PULL = timedelta(hours=20)

# A tick that was missed by less than this (the platform was starting) is made up; on a new
# installation an older one is not, so that `onestop up` does not start a night's work at noon.
_MAKE_UP = timedelta(minutes=5)

_P = ParamSpec("_P")
_R = TypeVar("_R")
_log = logging.getLogger("onestop")


def local_cron(expression: str, province: Settings) -> CronTriggerTimetable:
    """A cron expression in the province's local time."""
    return CronTriggerTimetable(expression, timezone=province.province.timezone, run_immediately=_MAKE_UP)


def raw_asset(source_id: str) -> Asset:
    """What a source's ingest renews; updating it starts transform__warehouse."""
    return Asset(name=f"raw {source_id}", uri=f"onestop://raw/{source_id}")


def dag_defaults(*tags: str, longest_run: timedelta | None = None, files: bool = False) -> dict[str, Any]:
    """The arguments that all DAGs have in common: one run at a time, no catch-up, retries with growing waits.

    Args:
        files: its tasks write files that people or the next task look for: on several workers, all on the one that has
            the queue FILES_QUEUE (docs/adr/0008). What else a task needs it finds in the warehouse and the landing.
        longest_run: a run that is not over by then fails, whatever it waits for: a slot, or a pool that nobody made.
    """
    return {
        "dagrun_timeout": longest_run,
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["onestop", *tags],
        "default_args": {
            "owner": OWNER,
            **({"queue": FILES_QUEUE} if files else {}),
            "retries": 3,
            "retry_delay": timedelta(minutes=2),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=30),
            "execution_timeout": timedelta(hours=6),
            "on_failure_callback": tell_failure,
            "on_success_callback": tell_success,
        },
    }


def approval(task_id: str, *, body: str) -> Any:
    """A task that waits for a person's answer in Airflow ("Required Actions"), with the reason of a refusal.

    It waits in the scheduler and holds no worker. The answer says who gave it.
    """
    from airflow.providers.standard.operators.hitl import HITLOperator  # here, for the parse speed of DAG files

    return HITLOperator(
        task_id=task_id,
        subject="Báo cáo quý: phê duyệt hay trả lại?",
        body=body,
        options=[APPROVE, SEND_BACK],
        params={"reason": Param("", type="string", title="Lý do trả lại", description="Chỉ cần khi trả lại.")},
        execution_timeout=None,
        response_timeout=_ANSWER_WITHIN,
    )


def worth_a_retry(problem: Exception) -> bool:
    """Whether a later attempt can succeed: a network, a disk or a server failed, not the data or the code."""
    if isinstance(problem, OnestopError):
        return problem.retryable
    from psycopg import OperationalError  # here, for the parse speed of DAG files

    return isinstance(problem, OSError | OperationalError)


def final_faults(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let a task fail at once, without retries, when a retry cannot help; what it did goes into the note on its run.

    Raises:
        AirflowFailException: for refused data, wrong configuration and defects, with the message as it is.
        AirflowSkipException: a run of the timetable came outside of its source's window; nothing was asked.
    """

    @functools.wraps(function)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with noted():
            return work(*args, **kwargs)

    def work(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except WindowClosed as problem:
            if not problem.was_asked and _is_first_try_of_timetable():
                raise AirflowSkipException(problem.message) from None
            raise final(problem) from None
        except OnestopError as problem:
            if worth_a_retry(problem):
                raise
            raise final(problem) from None
        except AirflowFailException:
            raise
        except Exception as problem:
            if worth_a_retry(problem):
                raise
            raise final(problem, f"{type(problem).__name__}: {problem}") from problem

    return run


def step(function: Callable[..., Any]) -> Any:
    """A task that does this, and fails at once where a retry cannot help."""
    return task(final_faults(function))


def _is_first_try_of_timetable() -> bool:
    """A retry after a failure is none: skipping it would hide that the night's data are missing."""
    from airflow.sdk import get_current_context

    context = get_current_context()
    return bool(context["dag_run"].run_type == "scheduled" and context["ti"].try_number <= 1)


def log_progress(step: str, done: int) -> None:
    """Write one line of progress to the task's log: the step, and the records done so far."""
    _log.info("%s%s%s", step, PROGRESS_MARK, done)
