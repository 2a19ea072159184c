"""The plugin by which Airflow's scheduler writes the note on a run that ends: what its tasks left (run_notes), and what broke.

A listener in the process that ends the run has Airflow's database open anyway, so that no worker needs an account or an
address for it, whatever the executor. It writes in the run's own transaction, within a savepoint: a note that cannot be
written costs a line of the log, never the run. Every server loads this module: it imports little.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.listeners import hookimpl
from airflow.sdk.plugins_manager import AirflowPlugin

from onestop.platform import note_text
from onestop.platform.run_notes import KEY

TAG = "onestop"
_BY_HAND = "manually set"
_log = logging.getLogger("onestop")


class RunNotes:
    """Called by the scheduler when a run has ended, by the API server when somebody marks one as ended."""

    @hookimpl  # type: ignore[untyped-decorator]  # Airflow has no types for mypy here
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        """See airflow.listeners.spec.dagrun."""
        write(dag_run, msg)

    @hookimpl  # type: ignore[untyped-decorator]
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        """See airflow.listeners.spec.dagrun."""
        write(dag_run, msg)


class OnestopPlugin(AirflowPlugin):  # type: ignore[misc]
    """Found by every server of an Airflow in whose environment onestop is installed."""

    name = "onestop"
    listeners = (RunNotes(),)


def write(dag_run: Any, msg: str) -> None:
    """Write the note of a run that ends now; of a DAG that is not ours, none."""
    from sqlalchemy.orm import object_session

    try:
        session = object_session(dag_run)
        if session is None or TAG not in (getattr(dag_run.dag, "tags", None) or ()):
            return
        with session.connection().begin_nested():  # the session's own savepoint would be taken for a commit of the run
            _write(session.connection(), dag_run, msg)
        session.expire(dag_run, ["dag_run_note"])
    except Exception as hindrance:
        _log.warning("no note on %s %s: %s", dag_run.dag_id, dag_run.run_id, type(hindrance).__name__)


def _write(connection: Any, dag_run: Any, msg: str) -> None:
    from airflow.models.dagrun import DagRunNote
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import insert, select, update

    left = select(XComModel.task_id, XComModel.value).where(XComModel.dag_run_id == dag_run.id, XComModel.key == KEY)
    parts = {task: list(value) for task, value in connection.execute(left)}
    of_run = TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id
    order = TaskInstance.start_date.is_(None), TaskInstance.start_date, TaskInstance.task_id
    tasks = connection.execute(select(TaskInstance.task_id, TaskInstance.state).where(*of_run).order_by(*order)).all()
    for task, state in tasks:
        if state == "failed" and not any(line.startswith("failed") for line in parts.get(task, ())):
            parts.setdefault(task, []).append(f"failed: ended from outside (runbook {note_text.UNFORESEEN})")
    ours = note_text.note([(task, parts[task]) for task, _ in tasks if task in parts], _ends(dag_run, msg))
    if not ours:
        return
    of_note = DagRunNote.dag_run_id == dag_run.id
    before = connection.execute(select(DagRunNote.content).where(of_note)).one_or_none()
    content = note_text.joined(before and before[0], ours)
    if before is None:
        connection.execute(insert(DagRunNote).values(dag_run_id=dag_run.id, content=content))
    else:
        connection.execute(update(DagRunNote).where(of_note).values(content=content))


def _ends(dag_run: Any, msg: str) -> list[str]:
    if msg == "timed_out":
        return ["the run took longer than it may, whatever it waited for, and was ended"]
    return [f"set to {dag_run.state} by hand"] if _BY_HAND in msg else []
