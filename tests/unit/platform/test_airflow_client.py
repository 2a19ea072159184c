"""The client of Airflow's API against a server that answers as Airflow does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from onestop.errors import OnestopError, WarehouseUnavailable
from onestop.platform.airflow_client import AirflowClient, DagRunError, Run, Task

RUN = Run("transform__warehouse", "manual__2024-09-25T01:00:00+00:00", "running")
PLACE = "/api/v2/dags/transform__warehouse/dagRuns/manual__2024-09-25T01:00:00+00:00"


def task(name: str, state: str | None, start: str | None = None, end: str | None = None) -> dict[str, Any]:
    return {"task_id": name, "state": state, "try_number": int(bool(start)), "start_date": start, "end_date": end}


def answer_run(server: HTTPServer, state: str) -> None:
    body = {"dag_id": RUN.dag_id, "dag_run_id": RUN.run_id, "state": state}
    server.expect_request(PLACE).respond_with_json(body)


@pytest.fixture
def client(httpserver: HTTPServer) -> AirflowClient:
    return AirflowClient(httpserver.url_for("").rstrip("/"), "admin", "pw")


def test_it_signs_in_when_it_is_asked_to_and_repeats_the_request(httpserver: HTTPServer, client: AirflowClient) -> None:
    httpserver.expect_ordered_request("/api/v2/dags").respond_with_data(status=401)
    signing_in = {"username": "admin", "password": "pw"}
    httpserver.expect_ordered_request("/auth/token", json=signing_in).respond_with_json(
        {"access_token": "T"}, status=201
    )
    httpserver.expect_ordered_request("/api/v2/dags", headers={"Authorization": "Bearer T"}).respond_with_json(
        {"dags": [{"dag_id": "b"}, {"dag_id": "a"}]}
    )
    assert client.dag_ids() == ["a", "b"]


def test_a_wrong_password_is_said(httpserver: HTTPServer, client: AirflowClient) -> None:
    httpserver.expect_request("/api/v2/dags").respond_with_data(status=401)
    httpserver.expect_request("/auth/token").respond_with_data(status=401)
    with pytest.raises(OnestopError, match="does not accept the password of admin"):
        client.dag_ids()


def test_a_refusal_carries_airflows_own_words(httpserver: HTTPServer, client: AirflowClient) -> None:
    httpserver.expect_request("/api/v2/dags/nothing/dagRuns").respond_with_json({"detail": "no such DAG"}, status=404)
    with pytest.raises(OnestopError, match="404 no such DAG"):
        client.trigger("nothing")


def test_a_server_that_is_away_is_said() -> None:
    with pytest.raises(WarehouseUnavailable, match="does not answer"):
        AirflowClient("http://127.0.0.1:9", "admin", "pw").dag_ids()


@pytest.mark.parametrize(
    ("scheduler", "beat", "healthy"),
    [("healthy", 200, True), ("healthy", 50, False), ("unhealthy", 200, False), (None, None, False)],
)
def test_health_wants_a_sign_of_life_after_the_start(
    httpserver: HTTPServer, client: AirflowClient, scheduler: str | None, beat: int | None, healthy: bool
) -> None:
    def at(seconds: int | None) -> str | None:
        return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None

    httpserver.expect_request("/api/v2/monitor/health").respond_with_json(
        {
            "metadatabase": {"status": "healthy"},
            "scheduler": {"status": scheduler, "latest_scheduler_heartbeat": at(beat)},
            "dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": at(200)},
        }
    )
    assert client.healthy(since=100) is healthy


def test_waiting_ends_with_success_and_tells_of_the_tasks(httpserver: HTTPServer, client: AirflowClient) -> None:
    answer_run(httpserver, "success")
    started, ended = "2024-09-25T01:00:00Z", "2024-09-25T01:00:07Z"
    tasks = [task("build_marts", None), task("build_staging", "success", started, ended)]
    httpserver.expect_request(f"{PLACE}/taskInstances").respond_with_json({"task_instances": tasks})
    seen: list[Task] = []
    assert client.wait(RUN, timeout_seconds=5, on_progress=seen.extend).finished
    assert seen == [Task("build_staging", "success", 1, 7.0), Task("build_marts", "waiting", 0, 0.0)]


def test_a_failed_run_shows_the_end_of_the_failing_tasks_log(httpserver: HTTPServer, client: AirflowClient) -> None:
    answer_run(httpserver, "failed")
    tasks = [task("build_staging", "failed", "2024-09-25T01:00:00Z", "2024-09-25T01:00:01Z"), task("build_marts", None)]
    httpserver.expect_request(f"{PLACE}/taskInstances").respond_with_json({"task_instances": tasks})
    httpserver.expect_request(f"{PLACE}/taskInstances/build_staging/logs/1").respond_with_json(
        {
            "content": [
                {"event": "::group::Pre Execute"},
                {"event": "Task failed", "error_detail": [{"exc_type": "Boom", "exc_value": "stg_dossier is broken"}]},
            ],
            "continuation_token": None,
        }
    )
    with pytest.raises(DagRunError) as caught:
        client.wait(RUN, timeout_seconds=5)
    assert "the task build_staging failed" in caught.value.message
    assert "Boom: stg_dossier is broken" in caught.value.message
    assert "::group::" not in caught.value.message


def test_waiting_has_an_end(httpserver: HTTPServer, client: AirflowClient) -> None:
    answer_run(httpserver, "running")
    tasks = [task("build_staging", "running", "2024-09-25T01:00:00Z")]
    httpserver.expect_request(f"{PLACE}/taskInstances").respond_with_json({"task_instances": tasks})
    with pytest.raises(DagRunError, match=r"not done after 0 seconds \(build_staging: running\)"):
        client.wait(RUN, timeout_seconds=0)


def test_a_task_that_has_not_started_has_no_log(client: AirflowClient) -> None:
    assert client.log_lines(RUN, Task("build_marts", "waiting", 0, 0.0)) == []


def test_it_knows_whose_data_started_a_run(httpserver: HTTPServer, client: AirflowClient) -> None:
    events = [{"source_dag_id": "ingest__igate"}, {"source_dag_id": "ingest__pakn"}, {"source_dag_id": None}]
    httpserver.expect_request(f"{PLACE}/upstreamAssetEvents").respond_with_json({"asset_events": events})
    assert client.causes(RUN) == {"ingest__igate", "ingest__pakn"}
