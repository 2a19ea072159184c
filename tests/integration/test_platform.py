"""The local platform for real: PostgreSQL and Airflow come up, run a DAG, and go down without a trace."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from onestop.config import Settings, load
from onestop.platform import local_platform
from onestop.platform.airflow import LocalAirflow, services
from onestop.platform.airflow_client import AirflowClient, DagRunError
from onestop.platform.local_platform import PlatformStatus
from onestop.platform.names import REPORT_DAG, expected_dag_ids
from onestop.warehouse.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
PROVINCE = """\
province: {code: H15, name_vi: Đắk Lắk, timezone: Asia/Ho_Chi_Minh}
sources:
  - {id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}
"""
AS_OF = "2024-09-25T08:00:00+07:00"


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """A project in a folder with a space in its name, which the server's account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="onestop test ")).resolve()
    folder.chmod(0o755)
    (folder / "province.yml").write_text(PROVINCE, encoding="utf-8")
    found = load(folder / "province.yml")
    try:
        yield found
    finally:
        local_platform.down(found)
        EmbeddedPostgres(found.local).destroy()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def platform(settings: Settings) -> PlatformStatus:
    return local_platform.up(settings, extra_environment={"ONESTOP_AS_OF": AS_OF})


@pytest.fixture
def client(platform: PlatformStatus) -> Iterator[AirflowClient]:
    with AirflowClient(platform.airflow_url, platform.user, platform.password) as found:
        yield found


def test_it_is_up_with_all_dags(settings: Settings, platform: PlatformStatus, client: AirflowClient) -> None:
    assert set(platform.dag_ids) == expected_dag_ids(settings)
    assert platform.import_errors == {}
    assert client.healthy()
    page = httpx.get(platform.airflow_url, follow_redirects=True, trust_env=False)
    assert (page.status_code, "<html" in page.text) == (200, True)
    with psycopg.connect(platform.warehouse_dsn) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_status_tells_programs_where_things_are(settings: Settings, platform: PlatformStatus) -> None:
    status = json.loads(json.dumps(local_platform.status(settings)))
    assert status["warehouse"]["dsn"] == platform.warehouse_dsn
    assert status["airflow"] == {"running": True, "url": platform.airflow_url, "user": "admin"}
    assert [p["running"] for p in status["processes"]] == [True, True, True]
    assert all(0 < p["memory_bytes"] < 1.5e9 for p in status["processes"])
    assert platform.password not in json.dumps(status)


def test_secrets_are_for_their_owner_only(settings: Settings, platform: PlatformStatus) -> None:
    secret = [f for f in settings.local.rglob("*") if f.is_file() and _holds(f, platform.password)]
    assert {f.name for f in secret} == {"onestop.json", "passwords.json"}
    assert {stat.S_IMODE(f.stat().st_mode) for f in secret} == {0o600}


def test_it_listens_on_loopback_only(settings: Settings, platform: PlatformStatus) -> None:
    listening = [
        connection.laddr.ip
        for service in services(settings)
        for process in service.members()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening, "the API server listens somewhere"
    assert set(listening) == {"127.0.0.1"}


def test_only_the_password_opens_the_api(platform: PlatformStatus) -> None:
    answer = httpx.get(f"{platform.airflow_url}/api/v2/dags", trust_env=False)
    assert answer.status_code == 401
    body = {"username": "admin", "password": platform.password + "x"}
    assert httpx.post(f"{platform.airflow_url}/auth/token", json=body, trust_env=False).status_code == 401


def test_a_wrong_period_fails_at_once_and_says_so(client: AirflowClient) -> None:
    run = client.trigger(REPORT_DAG, {"period": "2024-Q9"})
    with pytest.raises(DagRunError, match="'2024-Q9' is not a period") as caught:
        client.wait(run, timeout_seconds=60)
    assert "write 2024-Q3 or calendar:2024-Q3" in caught.value.message
    tasks = {task.task_id: task for task in client.tasks(run)}
    assert (tasks["resolve_period"].state, tasks["resolve_period"].try_number) == ("failed", 1)
    assert tasks["draft"].state == "upstream_failed"


def test_without_a_period_it_is_the_last_complete_quarter_as_of_now(client: AirflowClient) -> None:
    run = client.trigger(REPORT_DAG)
    with pytest.raises(DagRunError, match="the task draft failed"):  # nothing has been built
        client.wait(run, timeout_seconds=60)
    assert client.returned(run, "resolve_period") == "statutory:2024-Q3"


def test_a_second_up_leaves_everything_as_it_is(settings: Settings, platform: PlatformStatus) -> None:
    before = [service.pid for service in services(settings)]
    assert local_platform.up(settings) == platform
    assert [service.pid for service in services(settings)] == before


def test_down_leaves_no_process_and_up_again_would_be_the_same_address(
    settings: Settings, platform: PlatformStatus
) -> None:
    members = [process for service in services(settings) for process in service.members()]
    assert len(members) >= 5  # three servers and two task slots
    postgres = EmbeddedPostgres(settings.local)
    assert set(local_platform.down(settings)) == {"scheduler", "dag-processor", "api-server", "postgres"}
    assert [process.pid for process in members if process.is_running() and process.status() != "zombie"] == []
    assert not postgres.running
    status = local_platform.status(settings)
    assert (status["warehouse"]["dsn"], status["airflow"]["url"]) == (None, None)
    assert LocalAirflow(settings, postgres.airflow_dsn).url == platform.airflow_url
    assert local_platform.down(settings) == []


def _holds(file: Path, text: str) -> bool:
    return text.encode() in file.read_bytes()
