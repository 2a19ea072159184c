"""Faults of a deployment's servers, in the cluster of docker/compose.yaml: a Celery worker killed while its task runs, the
triggerer, the scheduler beside them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_cluster import Cluster, answered, running, wait_for
from onestop.platform.airflow_client import AirflowClient, Run
from onestop.platform.names import BACKFILL_DAG, REFERENCE_DAG, REPORT_DAG, TRANSFORM_DAG
from soak.airflow_faults import kill, wait_until

PERIOD = "2024-Q3"
WORKERS = ("worker-1", "worker-2")
WHOLE = {"source": "igate", "from": "2020-01-01", "to": "2025-12-31", "reason": "a worker is to be lost"}
# A task counts as lost after `airflow_cluster.LOST_AFTER`, and is tried again two minutes later.
RECOVERS_WITHIN = 420


@contextmanager
def cluster() -> Iterator[tuple[Cluster, AirflowClient]]:
    """All servers, with the reference files loaded; builds begin only when asked for."""
    with running() as here, here.client("engineer") as client:
        client.wait(client.trigger(REFERENCE_DAG), timeout_seconds=120)
        pause(client, TRANSFORM_DAG, paused=True)
        yield here, client


def pause(client: AirflowClient, dag_id: str, *, paused: bool) -> None:
    """Whether new data start it."""
    client._request("PATCH", f"/dags/{dag_id}", json={"is_paused": paused})


def lose_a_worker(here: Cluster, client: AirflowClient, *others: str) -> float:
    """A worker and all that it started are killed in the midst of a load, and the `others` with it, which are started
    again at once; the worker is not. The seconds until the worker that is left had done the load.
    """
    served = here.source.records_served
    run = client.trigger(BACKFILL_DAG, WHOLE)
    wait_until(lambda: here.source.records_served > served, 120)
    lost = next(name for name in WORKERS if _works_on(here, name, run))
    kill(here.processes.service(name) for name in (lost, *others))
    began = time.monotonic()
    assert client.run(run.dag_id, run.run_id).state == "running", "the load was over before its worker was killed"
    here.processes.start(*others)
    wait_until(lambda: client.run(run.dag_id, run.run_id).finished, RECOVERS_WITHIN)
    took = time.monotonic() - began
    assert client.run(run.dag_id, run.run_id).state == "success"
    left = next(name for name in WORKERS if name != lost)
    assert _works_on(here, left, run), "the other worker did it"
    here.processes.start(lost)
    return took


def complete(here: Cluster) -> None:
    """The load that was done has every record of the source, all rows stand in the ledger, and none is there twice."""
    ((rows, different, rejected, said, received),) = here.rows(
        "select count(*), count(distinct (ma_ho_so, content_hash)), (select count(*) from quarantine.rejected_row"
        " where source_id = 'igate'), (select sum(accepted + quarantined) from ops.load_batch where source_id = 'igate'),"
        " (select received from ops.load_batch where source_id = 'igate' order by batch_id desc limit 1)"
        " from raw.one_stop_dossier where source_id = 'igate'"
    )
    assert received == len(here.source.feed), (received, len(here.source.feed))
    assert rows + rejected == said, (rows, rejected, said)
    assert rows == different


def worker_killed() -> dict[str, float]:
    """A Celery worker is lost with its task."""
    with cluster() as (here, client):
        took = lose_a_worker(here, client)
        complete(here)
    return {"seconds_until_the_other_worker_had_done_it": took}


def triggerer_killed() -> dict[str, float]:
    """The triggerer is lost for good while a report waits for an answer and while sources are read."""
    with cluster() as (here, client):
        here.processes.run("worker-1", "onestop", "run", "--period", PERIOD)
        publish_without_triggerer(here, client, client.trigger(REPORT_DAG, {"period": PERIOD}))
        client.wait(client.trigger(BACKFILL_DAG, WHOLE), timeout_seconds=180)
        assert here.rows("select version, status from published.edition") == [(1, "published")]
    return {}


def publish_without_triggerer(here: Cluster, client: AirflowClient, run: Run) -> None:
    """A run of the report: while it waits the triggerer is killed; then it is approved, and published."""
    from onestop.platform.dag_support import APPROVE  # here: all of Airflow comes with it

    wait_for(client, run, "approve", {"awaiting_input", "deferred"}, 240)
    time.sleep(8)  # so that it really waits: some rounds of the scheduler go by
    kill([here.processes.service("triggerer")])
    answered(here, run, APPROVE)
    client.wait(run, timeout_seconds=120)


def _works_on(here: Cluster, worker: str, run: Run) -> bool:
    """Whether it has a log of the run's load."""
    logs = here.processes.home(worker) / "airflow" / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}"
    return (logs / f"task_id=load__{WHOLE['source']}").is_dir()
