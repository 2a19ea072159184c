"""Runbooks whose commands start Airflow: nothing began, a wrong credential, a step that failed for no foreseen reason."""

from __future__ import annotations

import errno
from contextlib import suppress

from onestop.errors import OnestopError
from onestop.pipeline import alerting
from onestop.platform import local_platform
from onestop.platform.airflow import stop_airflow
from onestop.platform.airflow_client import AirflowClient
from onestop.platform.names import source_dag
from soak.newcomer import Newcomer, blocks
from soak.runbooks_watch import aged


def run_missing(who: Newcomer) -> None:
    """Nothing has run for days: the platform was down."""
    here = who.begin("transform", "")
    aged(here, 3)
    for table, column in (("ops.source", "first_seen_at"), ("ops.source_run", "at")):
        here.execute(f"update {table} set {column} = {column} - interval '3 days'")
    who.command("watch")
    who.mend("run_missing", fingerprint="run_missing:igate")
    stop_airflow(here.settings)


def task_failed(who: Newcomer) -> None:
    """A step failed as nobody foresaw: what its task tells is told here by the same call."""
    here = who.begin("transform")
    alerting.of_fault(here.settings, OSError(errno.ENOSPC, "No space left on device"), "transform__warehouse.marts")
    who.mend("task_failed")
    stop_airflow(here.settings)


def configuration(who: Newcomer) -> None:
    """The platform was started in a shell with a wrong password of the source."""
    here = who.begin("ingest")
    wrong = {"IGATE_CLIENT_SECRET": "wrong", "ONESTOP_AS_OF": here.now}
    status = local_platform.up(here.settings, extra_environment=wrong)
    dag = source_dag("igate")
    airflow = AirflowClient(status.airflow_url, status.user, status.password)
    with airflow as client, suppress(OnestopError):  # the run fails, as it should
        client.wait(client.trigger(dag), timeout_seconds=300)
    fingerprint = "configuration:igate"
    assert fingerprint in who.alerts, who.alerts
    found = blocks("configuration")
    who.paste(found["Look"], well=False)
    who.paste(found["Mend"])
    status = local_platform.up(here.settings)
    with AirflowClient(status.airflow_url, status.user, status.password) as client:
        client.wait(client.trigger(dag), timeout_seconds=300)
    assert fingerprint not in who.alerts
    stop_airflow(here.settings)
