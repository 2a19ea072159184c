"""What a task leaves for the note on its run, beside its result; onestop.platform.airflow_plugin writes the note.

A task can set no note itself: the Task SDK has no such call, and for the REST API every worker would need an account that
may change runs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from onestop.logs import Event, heard
from onestop.platform import note_text

KEY = "onestop_note"
_log = logging.getLogger("onestop")


@contextmanager
def noted() -> Iterator[None]:
    """A task's work: what is said meanwhile, and what it fails of, becomes its part of the note."""
    with heard() as said:
        try:
            yield
        except BaseException as problem:
            _leave(said, problem)
            raise
        _leave(said, None)


def _leave(said: list[Event], problem: BaseException | None) -> None:
    from airflow.sdk import get_current_context

    from onestop.platform.dag_province import settings  # here: every server loads this module, for its key

    try:
        context = get_current_context()
    except RuntimeError:  # no task runs
        return
    try:
        if problem is not None:
            said.append(_of(problem, context))
        if found := note_text.lines(said, settings().zone):
            context["ti"].xcom_push(KEY, found)
    except Exception as hindrance:
        _log.warning("this task leaves nothing for the note on its run: %s", type(hindrance).__name__)


def _of(problem: BaseException, context: Mapping[str, Any]) -> Event:
    from airflow.sdk.exceptions import AirflowSkipException

    from onestop.pipeline.alerting import kind_of
    from onestop.platform.dag_alerts import subject_of

    if isinstance(problem, AirflowSkipException):
        return {"event": note_text.SKIPPED}
    subject = subject_of(context)
    return {"event": note_text.FAULT, "kind": kind_of(getattr(problem, "fault", problem), subject), "subject": subject}
