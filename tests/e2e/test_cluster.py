"""Airflow on several servers, as docker/compose.yaml starts it: Celery, Redis, two workers that share the databases and
the landing's address, accounts with roles. The same DAGs give the same marts, and a person's answer publishes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest

from airflow_cluster import LOST_AFTER, ROLES, Cluster, answered, running, wait_for
from onestop import config
from onestop.periods import parse
from onestop.pipeline import flows
from onestop.platform.airflow_client import AirflowClient, Run
from onestop.platform.dag_support import APPROVE, SEND_BACK
from onestop.platform.names import REFERENCE_DAG, REPORT_DAG, TRANSFORM_DAG, expected_dag_ids, pools_of, source_dag
from soak import cluster_faults

if shutil.which("redis-server") is None:
    pytest.skip("NOT RUN: redis-server is not installed (apt install redis-server)", allow_module_level=True)
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
# Two builds beside seven servers: minutes on two cores, and more than the suite's share of them.
asked_for = pytest.mark.skipif(
    not os.environ.get("ONESTOP_TEST_CLUSTER"), reason="NOT RUN: minutes long; ONESTOP_TEST_CLUSTER=1 asks for it"
)
PERIOD = cluster_faults.PERIOD
OF_THE_RUN = {"batch_id"}  # numbers in the order in which loads begin, which side by side is anyone's


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running() as made:
        yield made


@pytest.fixture
def engineer(cluster: Cluster) -> Iterator[AirflowClient]:
    with cluster.client("engineer") as client:
        yield client


def test_every_part_says_that_it_is_well_and_the_dags_are_there(cluster: Cluster, engineer: AirflowClient) -> None:
    cluster.processes.wait_until_healthy("worker-1", "worker-2")
    settings = config.load(cluster.sandbox_folder / "province.yml")
    end = time.monotonic() + 60
    while not expected_dag_ids(settings) <= set(engineer.dag_ids()):
        assert time.monotonic() < end, engineer.import_errors()
        time.sleep(1)
    assert engineer.import_errors() == {}
    pools = {p["name"]: p["slots"] for p in engineer._get("/pools")["pools"] if p["name"] != "default_pool"}
    assert pools == dict.fromkeys(pools_of(settings), 1)


def test_each_role_may_what_is_its_own_and_no_more(cluster: Cluster) -> None:
    """The status of each request by role: 403 is a refusal, whatever else came of it."""
    answer = {"chosen_options": [APPROVE], "params_input": {}}
    question = f"/dags/{REPORT_DAG}/dagRuns/none/taskInstances/approve/-1/hitlDetails"
    requests: dict[str, tuple[str, str, Any]] = {
        "see DAGs": ("GET", "/dags", None),
        "read a DAG's runs": ("GET", f"/dags/{REPORT_DAG}/dagRuns", None),
        "see what waits for an answer": ("GET", "/dags/~/dagRuns/~/hitlDetails", None),
        "answer": ("PATCH", question, answer),
        "start": ("POST", f"/dags/{REPORT_DAG}/dagRuns", {"logical_date": None, "conf": {"period": "no period"}}),
        "pause": ("PATCH", "/dags/ops__quality", {"is_paused": False}),
        "clear": ("POST", f"/dags/{REPORT_DAG}/clearTaskInstances", {"dry_run": True}),
        "mark as done": ("PATCH", f"/dags/{REPORT_DAG}/dagRuns/none", {"state": "success"}),
        "delete a run": ("DELETE", f"/dags/{REPORT_DAG}/dagRuns/none", None),
        "delete a DAG": ("DELETE", "/dags/none", None),
        "read connections": ("GET", "/connections", None),
        "set a variable": ("PATCH", "/variables/none", {"key": "none", "value": "x"}),
        "write a task's result": (
            "POST",
            f"/dags/{REPORT_DAG}/dagRuns/none/taskInstances/approve/xcomEntries",
            {"key": "return_value", "value": answer},
        ),
    }
    may = {name: set[str]() for name in requests}
    for person in ROLES:
        with cluster.client(person) as client:
            client._sign_in()
            for name, (method, path, body) in requests.items():
                found = client._http.request(method, f"/api/v2{path}", json=body)
                assert found.status_code not in (401, 405, 500), (person, name, found.text)
                if found.status_code != 403:
                    may[name].add(person)
            assert client._http.get("/auth/fab/v1/users").status_code == 403, "accounts are made on the server alone"
    everybody, seeing = set(ROLES), ("see DAGs", "read a DAG's runs", "see what waits for an answer")
    expected = {name: {"engineer"} for name in requests} | dict.fromkeys(seeing, everybody)
    assert may == expected | {"answer": {"approver"}, "write a task's result": set()}


def test_a_worker_knows_of_the_cluster_and_starts_no_platform_beside_it(cluster: Cluster) -> None:
    status = json.loads(cluster.processes.run("worker-1", "onestop", "status", "--json"))
    assert status["airflow"] == {"running": True, "url": cluster.processes.url, "user": None}
    assert {p["name"] for p in status["processes"] if p["running"]} == {
        "metadatabase", "scheduler", "dag_processor", "triggerer",
    }  # fmt: skip
    said = cluster.processes.run("worker-1", "sh", "-c", "onestop up 2>&1 || echo refused: $?")
    assert "this is a server of the province's own Airflow" in said
    assert said.splitlines()[-1] == "refused: 2"
    assert not (cluster.processes.home("worker-1") / ".local" / "airflow").exists()


def note_of(client: AirflowClient, run: Run) -> str:
    return str(client._get(f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}")["note"])


def test_a_run_on_a_worker_gets_its_note(engineer: AirflowClient) -> None:
    run = engineer.wait(engineer.trigger(REFERENCE_DAG), timeout_seconds=60)
    files = note_of(engineer, run).splitlines()
    assert {line.split(",")[0] for line in files} >= {
        "Onestop: ingest: reference agency",
        "- ingest: reference procedure",
    }
    assert all(" loaded: received " in line for line in files), files


def test_every_account_that_was_made_changed_or_removed_has_a_line_in_the_audit(cluster: Cluster) -> None:
    found = cluster.rows("select action, object, by_whom from ops.audit where action like 'account%' order by audit_id")
    made = [("account made", f"{name}: {role}", "Trần Thị B") for name, role in (*ROLES.items(), ("gone", "viewers"))]
    changed = [("account's password changed", "gone", "Nguyễn Văn A"), ("account removed", "gone", "Nguyễn Văn A")]
    assert found == made + changed


def test_without_an_account_nobody_sees_anything(cluster: Cluster) -> None:
    assert httpx.get(f"{cluster.processes.url}/api/v2/dags", trust_env=False).status_code == 401
    wrong = {"username": "engineer", "password": "engineer"}
    assert httpx.post(f"{cluster.processes.url}/auth/token", json=wrong, trust_env=False, timeout=30).status_code == 401


def fingerprints(dsn: str) -> dict[str, str]:
    """A hash of every mart table's rows, and of every column's values, whatever order they lie in."""
    with psycopg.connect(dsn) as connection:
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "select table_name, column_name from information_schema.columns"
            " where table_schema = 'mart' order by table_name, ordinal_position"
        ):
            if column not in OF_THE_RUN:
                columns.setdefault(table, []).append(column)
        found = {}
        for table, names in columns.items():
            for what in (", ".join(f'"{name}"' for name in names), *(f'"{name}"' for name in names)):
                rows = connection.execute(
                    f'select row({what})::text from mart."{table}" order by 1'.encode()
                ).fetchall()
                found[f"{table} ({what})"] = f"{len(rows)} {hashlib.sha256(repr(rows).encode()).hexdigest()}"
        return found


@asked_for
def test_two_workers_give_the_marts_of_a_local_run(
    cluster: Cluster,
    engineer: AirflowClient,
    warehouse: str,
    tmp_path: Path,
    models_alone: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = config.load(cluster.sandbox_folder / "province.yml")
    cluster_faults.pause(engineer, TRANSFORM_DAG, paused=True)  # built once: a paused DAG does not heed new data
    engineer.wait(engineer.trigger("ingest__reference"), timeout_seconds=60)
    runs = [engineer.trigger(source_dag(source.id)) for source in settings.sources]
    for run in runs:
        engineer.wait(run, timeout_seconds=120)
    cluster_faults.pause(engineer, TRANSFORM_DAG, paused=False)
    with ThreadPoolExecutor() as pool:
        local = pool.submit(run_locally, cluster, warehouse, tmp_path, monkeypatch)
        built = engineer.wait(engineer.trigger(TRANSFORM_DAG), timeout_seconds=420)
        local.result()
    note = note_of(engineer, built)
    assert "build_intermediate: whole (nothing was built before), as known at " in note
    assert "build_reports: reports: " in note

    assert list(cluster.landed.rglob("manifest.json")), "what was delivered lies at the landing's address"
    for worker in ("worker-1", "worker-2"):
        home = cluster.processes.home(worker)
        tasks = {path.name for path in (home / "airflow" / "logs").glob("dag_id=*")}
        assert tasks & {f"dag_id={source_dag(source.id)}" for source in settings.sources}, f"{worker} loaded nothing"
        assert not (home / ".local" / "landing").exists()
    found, expected = fingerprints(cluster.dsn), fingerprints(warehouse)
    assert len(found) > 200
    assert {what for what in found if found[what] != expected.get(what)} == set()
    assert set(found) == set(expected)


def run_locally(cluster: Cluster, dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sources without Airflow, into another warehouse."""
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", dsn)
    for key in ("hash_key", "data_key"):
        monkeypatch.setenv(f"ONESTOP_{key.upper()}", cluster.processes.secret(key))
    for name, value in cluster.sources.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(cluster.sandbox_folder / "reference", folder / "reference")
    text = (cluster.sandbox_folder / "province.yml").read_text()
    landing = next(line for line in text.splitlines() if line.startswith("landing:"))
    (folder / "province.yml").write_text(text.replace(landing, ""))
    settings = config.load(folder / "province.yml")
    result = flows.run(settings, parse(PERIOD), as_of=config.now(settings))
    assert not result.problems


@asked_for
def test_an_approvers_answer_sends_back_or_publishes(cluster: Cluster, engineer: AirflowClient) -> None:
    refused = engineer.trigger(REPORT_DAG, {"period": PERIOD})
    wait_for(engineer, refused, "approve", {"awaiting_input", "deferred"}, 120)
    time.sleep(8)  # so that it really waits: some rounds of the scheduler go by
    answered(cluster, refused, SEND_BACK, "số liệu của xã Liên Sơn chưa khớp")
    engineer.wait(refused, timeout_seconds=60)
    assert engineer.returned(refused, "send_back") == "số liệu của xã Liên Sơn chưa khớp"
    assert {t.task_id: t.state for t in engineer.tasks(refused)}["publish"] == "skipped"
    told = cluster.rows("select by_whom, reason from published.event where event = 'refused'")
    assert told == [("approver", "số liệu của xã Liên Sơn chưa khớp")]

    again = engineer.trigger(REPORT_DAG, {"period": PERIOD})
    cluster_faults.publish_without_triggerer(cluster, engineer, again)
    editions = cluster.rows("select version, status, approved_by from published.edition")
    assert editions == [(1, "published", "approver")]
    files = engineer.returned(again, "publish")
    assert all(Path(file).is_file() for file in files)
    kept = cluster.rows("select count(*) from published.product")
    assert kept == [(len(files),)]
    # Files for people lie on the worker of the queue `files`, and nowhere else.
    assert all(Path(file).is_relative_to(cluster.processes.home("worker-1")) for file in files)
    assert not (cluster.processes.home("worker-2") / ".local" / "reports").exists()


def test_a_worker_is_lost_in_the_midst_of_a_load_and_the_scheduler_with_it(
    cluster: Cluster, engineer: AirflowClient
) -> None:
    cluster_faults.pause(engineer, TRANSFORM_DAG, paused=True)
    seconds = cluster_faults.lose_a_worker(cluster, engineer, "scheduler", "triggerer")
    assert seconds >= LOST_AFTER, "its task was not lost at all"
    cluster_faults.complete(cluster)
