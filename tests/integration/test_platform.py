"""The local platform for real: PostgreSQL and Airflow come up, run a DAG, and go down without a trace."""

from __future__ import annotations

import json
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import psycopg
import pytest
from aiosmtpd.controller import Controller
from psycopg import sql
from typer.testing import CliRunner

from alert_channels import ENGINEER, Mailbox, mail_server, port_of, text_of
from onestop.cli.app import app
from onestop.config import Settings, load
from onestop.errors import OnestopError
from onestop.pipeline import flows
from onestop.platform import local_platform
from onestop.platform.airflow import LocalAirflow, services
from onestop.platform.airflow_client import AirflowClient, DagRunError, Run
from onestop.platform.local_platform import PlatformStatus
from onestop.platform.names import (
    BACKFILL_DAG,
    MAINTENANCE_DAG,
    QUARANTINE_DAG,
    REPORT_DAG,
    WATCH_DAG,
    expected_dag_ids,
    source_dag,
    source_pool,
)
from onestop.sandbox.feedback_server import FeedbackServer
from onestop.warehouse.embedded import EmbeddedPostgres
from worlds import write_reference

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
PROVINCE = """\
province: {{code: H15, name_vi: Đắk Lắk, timezone: Asia/Ho_Chi_Minh}}
alerts:
  mail: {{host: 127.0.0.1, port: {smtp}, security: none, sender: onestop@tinh.gov.vn}}
  engineer: [{engineer}]
sources:
  - {{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:{silent}", credentials: IGATE}}
  - {{id: second, kind: one_stop_api, base_url: "http://127.0.0.1:{silent}", credentials: IGATE}}
  - {{id: pakn, kind: feedback_api, base_url: "{feedback}", credentials: PAKN}}
  - {{id: hotline, kind: feedback_api, base_url: "{hotline}", credentials: HOTLINE, quarantine_limit: 1}}
"""
CASE = {
    "MaPAKN": "PA-1",
    "NgayTiepNhan": "2024-08-01T08:00:00+07:00",
    "TrangThai": "moi",
    "NgayCapNhat": "2024-08-20T10:00:00",
}
API_KEY = "a-key-that-stands-in-airflow-only"
BACKEND_KEY = "a-key-that-stands-in-a-secrets-backend-only"
# Somebody whose every word is easy to find again, in a case that is accepted and in one that is not.
PERSON = {
    "HoTen": "Chim Hoàng Yến Thứ Hai",
    "SoDienThoai": "0977123455",
    "Email": "thu.hai@canary.example",
    "NoiDung": "câu này chỉ có một lần",
}
HOSTILE = (
    "'; drop table raw.feedback_case; --",
    "{{ 1234577 * 1000003 }}{% raise %}",
    "$(touch pwned) `touch pwned`",
    "{{ ti.xcom_pull(task_ids='draft_edition') }}",
)
EXECUTED = "1234580703731"  # long enough that no identifier or moment has it by chance
AS_OF = "2024-09-25T08:00:00+07:00"


@pytest.fixture(scope="module")
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture(scope="module")
def feedback() -> Iterator[FeedbackServer]:
    with FeedbackServer([CASE], API_KEY, requests_per_second=0) as server:
        yield server


@pytest.fixture(scope="module")
def hotline() -> Iterator[FeedbackServer]:
    cases = [CASE | PERSON | {"MaPAKN": f"PA-9{n}", "TrangThai": state} for n, state in enumerate(("moi", "?"))]
    with FeedbackServer(cases, BACKEND_KEY, requests_per_second=0) as server:
        yield server


@pytest.fixture(scope="module")
def mail() -> Iterator[tuple[Controller, Mailbox]]:
    server, mailbox = mail_server()
    yield server, mailbox
    server.stop()


@pytest.fixture(scope="module")
def settings(
    silent: int, feedback: FeedbackServer, hotline: FeedbackServer, mail: tuple[Controller, Mailbox]
) -> Iterator[Settings]:
    """A project in a folder with a space in its name, which the server's account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="onestop test ")).resolve()
    folder.chmod(0o755)
    addresses = {"feedback": feedback.url, "hotline": hotline.url}
    text = PROVINCE.format(silent=silent, smtp=port_of(mail[0]), engineer=ENGINEER, **addresses)
    (folder / "province.yml").write_text(text, encoding="utf-8")
    write_reference(folder / "reference")
    found = load(folder / "province.yml")
    try:
        yield found
    finally:
        local_platform.down(found)
        EmbeddedPostgres(found.local).destroy()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def platform(settings: Settings) -> PlatformStatus:
    given = {"ONESTOP_AS_OF": AS_OF, "IGATE_CLIENT_ID": "i", "IGATE_CLIENT_SECRET": "s"}
    connections = settings.root / "connections.json"
    connections.write_text(json.dumps({"hotline": {"conn_type": "http", "password": "of yesterday"}}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
        patch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(connections)}))
        return local_platform.up(settings, extra_environment=given)


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


def test_a_wrong_period_fails_at_once_says_so_and_is_told(
    platform: PlatformStatus, client: AirflowClient, mail: tuple[Controller, Mailbox]
) -> None:
    run = client.trigger(REPORT_DAG, {"period": "2024-Q9"})
    with pytest.raises(DagRunError, match="'2024-Q9' is not a period") as caught:
        client.wait(run, timeout_seconds=60)
    assert "write 2024-Q3 or calendar:2024-Q3" in caught.value.message
    tasks = {task.task_id: task for task in client.tasks(run)}
    assert (tasks["resolve_period"].state, tasks["resolve_period"].try_number) == ("failed", 1)
    assert tasks["draft"].state == "upstream_failed"
    end = time.monotonic() + 20
    while not mail[1].mails and time.monotonic() < end:
        time.sleep(0.2)
    (told,) = mail[1].to(ENGINEER)
    assert told["Subject"].endswith("Configuration or credentials are wrong in report__quarterly.resolve_period")
    assert f"{platform.airflow_url}/dags/{REPORT_DAG}/runs/{run.run_id}/tasks/resolve_period" in text_of(told)


def test_without_a_period_it_is_the_last_complete_quarter_as_of_now(client: AirflowClient) -> None:
    run = client.trigger(REPORT_DAG)
    with pytest.raises(DagRunError, match="the task draft failed"):  # nothing has been built
        client.wait(run, timeout_seconds=60)
    assert client.returned(run, "resolve_period") == "statutory:2024-Q3"


def state_of(client: AirflowClient, run: Run, task_id: str) -> str:
    return next((task.state for task in client.tasks(run) if task.task_id == task_id), "")


def wait_for(client: AirflowClient, run: Run, task_id: str, states: set[str], seconds: float) -> None:
    end = time.monotonic() + seconds
    while (found := state_of(client, run, task_id)) not in states:
        assert time.monotonic() < end, f"{run.dag_id}.{task_id} is {found}"
        time.sleep(0.5)


def test_sources_that_hang_delay_no_other_which_a_connection_of_airflow_lets_in(
    settings: Settings, client: AirflowClient
) -> None:
    """Two sources hang in real DAG runs; meanwhile a third one is loaded, with a key that only Airflow's database has."""
    flows.ingest_reference(settings, as_of=datetime.fromisoformat(AS_OF))
    connection = {"connection_id": "pakn", "conn_type": "http", "password": API_KEY}
    client._request("POST", "/connections", json=connection)
    hanging = [client.trigger(source_dag(name)) for name in ("igate", "second")]
    for run in hanging:
        wait_for(client, run, "ingest", {"running"}, 60)
    again = client.trigger(
        BACKFILL_DAG, {"source": "igate", "from": "2024-08-01", "to": "2024-08-02", "reason": "a test"}
    )

    done = client.wait(client.trigger(source_dag("pakn")), timeout_seconds=90)
    assert [client.run(run.dag_id, run.run_id).state for run in hanging] == ["running", "running"]
    (ingest,) = client.tasks(done)
    assert API_KEY not in "\n".join(client.log_lines(done, ingest))
    with psycopg.connect(EmbeddedPostgres(settings.local).warehouse_dsn) as warehouse:
        assert warehouse.execute("select ma_pakn from raw.feedback_case").fetchall() == [("PA-1",)]
    # A second load of a source that is being asked waits for its pool, and takes no slot of the workers.
    wait_for(client, again, "load__igate", {"scheduled"}, 30)
    assert state_of(client, again, "load__second") == "skipped"
    for run, words in ((again, {}), (hanging[0], {"note": "Lan: ended"}), (hanging[1], {})):
        place = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}"
        client._request("PATCH", place, json={"state": "failed", **words})


def test_a_secrets_backend_lets_a_source_in_and_its_new_secret_counts_at_once(
    settings: Settings, client: AirflowClient
) -> None:
    with pytest.raises(DagRunError, match="HOTLINE_API_KEY|refused|401"):
        client.wait(client.trigger(source_dag("hotline")), timeout_seconds=90)
    file = settings.root / "connections.json"
    file.write_text(json.dumps({"hotline": {"conn_type": "http", "password": BACKEND_KEY}}))
    client.wait(client.trigger(source_dag("hotline")), timeout_seconds=90)
    with psycopg.connect(EmbeddedPostgres(settings.local).warehouse_dsn) as warehouse:
        sums = "select sum(accepted)::int, sum(quarantined)::int from ops.load_batch where source_id = 'hotline'"
        assert warehouse.execute(sums).fetchone() == (1, 1)
    file.unlink()


def hostile_runs(client: AirflowClient) -> Iterator[tuple[str, dict[str, str]]]:
    """Every DAG that takes words, each word hostile once in each way, the others fit."""
    fit = {BACKFILL_DAG: {"source": "pakn", "mode": "replay", "landing_path": "pakn/none", "reason": "a test"}}
    number = 0
    for dag_id in client.dag_ids():
        params = client._get(f"/dags/{dag_id}/details")["params"] or {}
        for name, param in params.items():
            if "string" in param["schema"]["type"]:
                number += 1
                yield dag_id, {**fit.get(dag_id, {}), name: HOSTILE[number % len(HOSTILE)]}


def test_no_parameter_of_a_dag_is_executed_and_nothing_of_a_person_lies_with_airflow(
    settings: Settings, platform: PlatformStatus, client: AirflowClient, mail: tuple[Controller, Mailbox]
) -> None:
    begun, refused = [], []
    for dag_id, conf in hostile_runs(client):
        try:
            begun.append(client.trigger(dag_id, conf))
        except OnestopError as problem:
            refused.append((dag_id, conf, problem))
    assert all("400" in str(problem) or "422" in str(problem) for *_, problem in refused), refused
    well = set()
    for run in begun:
        try:
            client.wait(run, timeout_seconds=120)
            well.add(run.dag_id)
        except DagRunError:
            failed = [task for task in client.tasks(run) if task.state == "failed"]
            assert [task.try_number for task in failed] == [1], (run, failed)  # said at once, and not tried again
    assert well <= {QUARANTINE_DAG}, "no row broke such a rule"
    assert len(begun) >= 6, begun
    assert len(refused) >= 6, refused

    keys = json.loads((settings.local / "keys.json").read_text())
    sought = [*PERSON.values(), API_KEY, BACKEND_KEY, *(text for text in keys.values() if isinstance(text, str))]
    sought += [json.dumps(text)[1:-1] for text in sought] + [text.encode().hex() for text in sought] + [EXECUTED]
    postgres = EmbeddedPostgres(settings.local)
    filled = {}
    with psycopg.connect(postgres.airflow_dsn) as metadata:
        tables = metadata.execute("select relname from pg_stat_user_tables").fetchall()
        for (table,) in tables:
            query = sql.SQL("select held::text from {} as held").format(sql.Identifier(table))
            held = "\n".join(row[0] for row in metadata.execute(query))
            filled[table] = len(held)
            assert not [text for text in sought if text in held], table
    for table in ("xcom", "rendered_task_instance_fields", "dag_run", "dag_run_note", "log", "serialized_dag"):
        assert filled[table] > 100, filled
    files = [file for file in settings.local.rglob("*") if file.is_file()]
    ours = [file for file in files if settings.local / "postgres" not in file.parents and file.name != "keys.json"]
    assert [file for file in ours if file.suffix == ".log" and "dag_id=" in str(file)]
    for file in ours:
        content = file.read_bytes()
        assert not [text for text in sought[:-1] if text.encode() in content], file
    letters = "".join(text_of(letter) for letter in mail[1].to(ENGINEER))
    assert letters
    assert not [text for text in sought if text in letters]
    assert not list(settings.root.rglob("pwned"))
    with psycopg.connect(postgres.warehouse_dsn) as warehouse:
        assert warehouse.execute("select count(*) from raw.feedback_case where ma_pakn ~ '9'").fetchone() == (1,)


def test_a_key_that_is_made_and_in_whose_name_stand_in_the_audit(settings: Settings, platform: PlatformStatus) -> None:
    for kind in ("data", "hash"):
        words = ["keys", "new", kind, "--by", "Trần Thị B", "--config", str(settings.file)]
        assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    words = ["keys", "rotate", "--by", "Trần Thị B", "--config", str(settings.file)]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    with psycopg.connect(platform.warehouse_dsn) as warehouse:
        found = warehouse.execute("select action, object, by_whom from ops.audit order by audit_id").fetchall()
    assert [row[0] for row in found] == ["key made", "key made", "key rotated", "key rotated"]
    assert [row[1] for row in found[:2]] == ["data", "hash"]
    assert {row[2] for row in found} == {"Trần Thị B"}


def test_maintenance_and_watch_run_as_dags(settings: Settings, client: AirflowClient) -> None:
    done = client.wait(client.trigger(MAINTENANCE_DAG, note="Lan: before the upgrade"), timeout_seconds=150)
    assert str(client.returned(done, "airflow_history")).startswith("removed what ended before")
    assert Path(str(client.returned(done, "backup"))).is_dir()
    done = client.wait(client.trigger(WATCH_DAG), timeout_seconds=60)
    page = settings.reports_path / "operations" / "index.html"
    assert "Bản sao lưu đã kiểm chứng gần nhất: chưa có" not in page.read_text(encoding="utf-8")
    with psycopg.connect(EmbeddedPostgres(settings.local).warehouse_dsn) as warehouse:
        tasks = warehouse.execute("select task from ops.maintenance_run where task <> 'backup' or details ? 'proved'")
        assert {row[0] for row in tasks} == {"backup", "retention", "vacuum", "airflow"}
        # Its own hourly run may have looked meanwhile.
        looks = warehouse.execute("select findings from ops.watch_look").fetchall()
        assert client.returned(done, "look") in [[f"{f['kind']}:{f['subject']}" for f in found] for (found,) in looks]


def test_the_note_on_a_run_says_what_it_did_and_what_broke(settings: Settings, client: AirflowClient) -> None:
    notes: dict[str, list[str]] = {}
    for run in client._get("/dags/~/dagRuns", limit=100, order_by="run_after")["dag_runs"]:
        if run["run_type"] == "manual":
            notes.setdefault(run["dag_id"], []).append(run["note"] or "")
    with psycopg.connect(EmbeddedPostgres(settings.local).warehouse_dsn) as warehouse:
        batches = warehouse.execute(
            "select batch_id from ops.load_batch where source_id = 'hotline' order by 1"
        ).fetchall()
    assert notes[source_dag("hotline")] == [
        f"""\
Onestop: ingest: hotline feedback_case, batch {batches[0][0]} failed: received 0 = accepted 0 + quarantined 0 + duplicate 0 + refused 0;\
 the beginning to 2024-09-25 08:00
- ingest: failed: Configuration or credentials are wrong in hotline (runbook configuration)""",
        f"""\
Onestop: ingest: hotline feedback_case, batch {batches[1][0]} loaded: received 2 = accepted 1 + quarantined 1 + duplicate 0 + refused 0;\
 the beginning to 2024-09-25 08:00""",
    ]
    wrong, without = notes[REPORT_DAG][:2]
    assert "Onestop: resolve_period: failed: Configuration or credentials are wrong in" in wrong
    assert without == "Onestop: draft: failed (runbook task_failed)\n- resolve_period: period statutory:2024-Q3"
    ended = "Onestop: ingest: failed: ended from outside (runbook task_failed)\n- set to failed by hand"
    assert (notes[source_dag("igate")], notes[source_dag("second")]) == ([f"Lan: ended\n\n{ended}"], [ended])
    (kept,) = notes[MAINTENANCE_DAG]
    assert kept.startswith("Lan: before the upgrade\n\nOnestop: ")
    assert " backup: tables " in kept and ", proved" in kept and "/" not in kept
    assert "Onestop: look: findings: " in notes[WATCH_DAG][-1]
    assert all(0 < len(note) <= 1000 for of_dag in notes.values() for note in of_dag), notes


def test_a_note_that_cannot_be_written_costs_a_line_of_the_log_and_not_the_run(
    settings: Settings, client: AirflowClient
) -> None:
    airflow_dsn = EmbeddedPostgres(settings.local).airflow_dsn
    with psycopg.connect(airflow_dsn, autocommit=True) as metadata:
        metadata.execute("alter table dag_run_note add constraint none check (content !~ 'judged again') not valid")
        without = client.wait(client.trigger(QUARANTINE_DAG), timeout_seconds=90)
        metadata.execute("alter table dag_run_note drop constraint none")
    noted = client.wait(client.trigger(QUARANTINE_DAG), timeout_seconds=90)
    notes = [client._get(f"/dags/{r.dag_id}/dagRuns/{quote(r.run_id, safe='')}")["note"] for r in (without, noted)]
    assert notes == [None, "Onestop: replay: hotline feedback_case: 0 judged again, 0 taken back, 1 still wait"]
    (scheduler,) = [service.log for service in services(settings) if service.name == "scheduler"]
    (line,) = [line for line in scheduler.read_text(encoding="utf-8").splitlines() if "no note on" in line]
    assert f"no note on {QUARANTINE_DAG} {without.run_id}: IntegrityError" in line


def test_a_second_up_leaves_everything_as_it_is(
    settings: Settings, platform: PlatformStatus, client: AirflowClient
) -> None:
    def pools() -> dict[str, int]:
        return {p["name"]: p["slots"] for p in client._get("/pools")["pools"] if p["name"] != "default_pool"}

    every = {source_pool(name): 1 for name in ("igate", "second", "pakn", "hotline")}
    assert pools() == every
    client._http.delete(f"/api/v2/pools/{source_pool('second')}")
    assert len(pools()) == 3
    before = [service.pid for service in services(settings)]
    assert local_platform.up(settings) == platform
    assert [service.pid for service in services(settings)] == before
    assert pools() == every, "a pool that is missing is made, as for a source that came since"


def test_down_leaves_no_process_and_up_again_would_be_the_same_address(
    settings: Settings, platform: PlatformStatus
) -> None:
    members = [process for service in services(settings) for process in service.members()]
    assert len(members) >= 7  # three servers, and a task slot more than there are sources
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
