"""Alerts from real faults into a real warehouse: raised by commands and tasks, settled by the next that goes well."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from alert_channels import ENGINEER, OWNER, Mailbox, alert_settings, mail_server, port_of, text_of
from onestop.cli.app import app
from onestop.clock import system_now
from onestop.config import Settings
from onestop.errors import BuildFailed, DataRefused, SourceUnavailable, WarehouseUnavailable
from onestop.pipeline import alerting, operations
from onestop.platform import dag_alerts
from onestop.platform.dag_support import final_faults
from onestop.warehouse.connection import connect

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
SILENT = SourceUnavailable("igate does not answer: connection refused", next_step="look whether igate runs")


class Place:
    """A province on a warehouse, and the mailbox that its alerts go to."""

    def __init__(self, settings: Settings, dsn: str, mailbox: Mailbox) -> None:
        self.settings, self.dsn, self.mailbox = settings, dsn, mailbox

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(connect(self.dsn, autocommit=True)) as connection:
            done = connection.execute(query.encode(), values or None)
            return done.fetchall() if done.description else []

    @property
    def open(self) -> list[str]:
        return [row[0] for row in self.rows("select fingerprint from ops.alert_open order by 1")]


@pytest.fixture
def place(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server, mailbox = mail_server()
    settings = alert_settings(tmp_path, port_of(server), hook=False)
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", warehouse)
    monkeypatch.setenv("ONESTOP_CONFIG", str(settings.file))
    monkeypatch.setenv("ONESTOP_DATA_KEY", "a data key for tests only")
    try:
        yield Place(settings, warehouse, mailbox)
    finally:
        server.stop()


def loaded(place: Place, days_ago: int = 1) -> None:
    """A batch of igate that was loaded."""
    at = system_now() - timedelta(days=days_ago)
    place.rows(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
        " values ('igate', 'dossier', 'test', 1, 1, 0, 0, 0, %s, %s, 'loaded', %s, true, false, 'test')",
        at - timedelta(minutes=3), at, at,
    )  # fmt: skip


def test_a_commands_fault_is_told_with_its_impact_and_settled_by_the_next_good_one(place: Place) -> None:
    loaded(place)
    for _ in range(2):
        with pytest.raises(SourceUnavailable), alerting.watched(place.settings, "igate"):
            raise SILENT
    (mail,) = place.mailbox.to(ENGINEER)
    text = text_of(mail)
    assert "cannot be drafted in full: igate silent since " in text
    assert "Next step: look whether igate runs" in text
    assert place.open == ["source_unavailable:igate"]
    with alerting.watched(place.settings, "igate"):
        pass
    assert place.open == []
    assert [m["Subject"] for m in place.mailbox.mails][1:] == [
        "[Onestop Đắk Lắk] Recovered: Source igate could not be read"
    ]


def test_an_alert_is_settled_by_hand_and_the_command_lists_the_others(place: Place) -> None:
    config_file = ["--config", str(place.settings.file)]
    alerting.of_fault(place.settings, SILENT, "igate")
    alerting.of_fault(place.settings, BuildFailed("a test failed"), "transform__warehouse")
    done = CliRunner().invoke(app, ["alerts", "--settle", "source_unavailable:igate", "--json", *config_file])
    assert [alert["fingerprint"] for alert in json.loads(done.stdout)] == ["build_failed:transform__warehouse"]
    assert place.mailbox.mails[-1]["Subject"] == "[Onestop Đắk Lắk] Recovered: Source igate could not be read"
    again = CliRunner().invoke(app, ["alerts", "--settle", "source_unavailable:igate", *config_file])
    assert "is open" in str(again.exception)
    tried = CliRunner().invoke(app, ["alerts", "--test", *config_file])
    assert (tried.exit_code, tried.output) == (0, f"{OWNER}: took it\n{ENGINEER}: took it\n")
    place.mailbox.refuse = "550 no such user"
    tried = CliRunner().invoke(app, ["alerts", "--test", *config_file])
    assert tried.exit_code == 1 and "550 no such user" in tried.output


def test_events_are_append_only(place: Place) -> None:
    alerting.of_fault(place.settings, SILENT, "igate")
    for change in ("update ops.alert set fingerprint = 'x'", "delete from ops.alert", "truncate ops.alert"):
        with pytest.raises(psycopg.Error, match="append-only"):
            place.rows(change)


def context(dag_id: str, task_id: str, problem: BaseException | None = None) -> dict[str, Any]:
    """What Airflow gives a callback."""
    task = SimpleNamespace(
        dag_id=dag_id,
        task_id=task_id,
        run_id="scheduled__2024-09-25",
        map_index=-1,
        try_number=1,
        start_date=system_now(),
    )
    return {"ti": task, "exception": problem, "params": {"period": "2024-Q3"} if dag_id == "report__quarterly" else {}}


def failure(problem: Exception) -> BaseException:
    """What a task raises for it."""

    @final_faults
    def task() -> None:
        raise problem

    with pytest.raises(Exception) as caught:
        task()
    return caught.value


def test_a_task_that_failed_for_good_is_told_to_whom_it_may_concern(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "http://127.0.0.1:17432")
    place.rows(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version) values"
        " ('igate', 'dossier', 'test', 100, 0, 0, 0, 100, now(), now(), 'refused', now(), false, false, 'test')"
    )
    place.rows("insert into ops.rule_result select max(batch_id), 'OS-001', 'quarantine', 100, 12 from ops.load_batch")
    refused = DataRefused("batch 7 of igate was refused: 12 % of its rows fail", next_step="read the rejected rows")
    dag_alerts.tell_failure(context("ingest__igate", "ingest", failure(refused)))
    dag_alerts.tell_failure(context("transform__warehouse", "build_marts", failure(BuildFailed("fct_dossier failed"))))
    dag_alerts.tell_failure(context("ops__backfill", "load__igate", failure(SILENT)))
    dag_alerts.tell_failure(context("ops__quality", "data_docs"))  # killed: there is no exception
    assert place.open == [
        "build_failed:transform__warehouse.build_marts",
        "data_refused:igate",
        "source_unavailable:igate",
        "task_failed:ops__quality.data_docs",
    ]
    (owner,) = place.mailbox.to(OWNER)
    said = text_of(owner)
    assert "100 bản ghi, bị từ chối toàn bộ; OS-001: " in said and "(12 bản ghi)" in said
    assert "chưa thể lập đủ báo cáo Quý " in said
    build = next(m for m in place.mailbox.to(ENGINEER) if "build_marts" in m["Subject"])
    assert "Run: http://127.0.0.1:17432/dags/transform__warehouse/runs/scheduled__2024-09-25/tasks/build_marts" in (
        text_of(build)
    )
    # Another task of the same DAG that goes well settles nothing of it; the command of the whole does.
    dag_alerts.tell_success(context("transform__warehouse", "resolve_known_at"))
    dag_alerts.tell_success(context("ingest__igate", "ingest"))
    assert place.open == ["build_failed:transform__warehouse.build_marts", "task_failed:ops__quality.data_docs"]
    alerting.of_success(place.settings, alerting.TRANSFORM)
    assert place.open == ["task_failed:ops__quality.data_docs"]


def test_tasks_leave_a_line_and_the_page_shows_the_newest_run_of_each_dag(place: Place) -> None:
    dag_alerts.tell_failure(context("transform__warehouse", "build_marts", failure(BuildFailed("fct_dossier failed"))))
    dag_alerts.tell_failure(context("ops__quality", "page", failure(ValueError("x"))))
    dag_alerts.tell_success(context("transform__warehouse", "build_staging"))
    dag_alerts.tell_success(context("report__quarterly", "draft"))
    assert place.rows("select task_id, state, fault, period from ops.task_run order by task_run_id") == [
        ("build_marts", "failed", "build_failed", None),
        ("page", "failed", "task_failed", None),
        ("build_staging", "success", None, None),
        ("draft", "success", None, "2024-Q3"),
    ]
    dag_alerts.tell_success(context("transform__warehouse", "build_marts"))  # it was cleared, and goes well
    page = operations.look(place.settings, system_now()).page.read_text(encoding="utf-8")
    section = page[page.index('id="h-dags"') : page.index('id="h-quarter"')]
    shown = [re.sub(r"<[^>]+>", " ", row.split("</tr>")[0]).split() for row in section.split("<tr>")[2:]]
    assert [(row[0], row[-1]) for row in shown] == [
        ("ops__quality", "page"), ("report__quarterly", "có"), ("transform__warehouse", "có")
    ]  # fmt: skip
    (events,) = (place.settings.local / "lineage").glob("openlineage-*.jsonl")
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert [(event["job"]["name"].rpartition(".")[2], event["eventType"]) for event in told] == [
        ("build_marts", "FAIL"), ("page", "FAIL"), ("build_staging", "COMPLETE"), ("draft", "COMPLETE"), ("build_marts", "COMPLETE")
    ]  # fmt: skip
    parents = [event["run"]["facets"]["parent"]["run"]["runId"] for event in told]
    assert parents[0] == parents[2] == parents[4] != parents[1]


def test_a_fault_nobody_foresaw_is_not_quoted(place: Place) -> None:
    dag_alerts.tell_failure(context("ops__quality", "page", failure(ValueError("Nguyễn Văn A 012345678901"))))
    assert place.open == ["task_failed:ops__quality.page"]
    assert "Nguyễn" not in str(place.rows("select content::text from ops.alert"))
    assert "Evidence: ValueError" in text_of(place.mailbox.mails[0])


def test_while_the_warehouse_is_down_alerts_are_told_once_and_filed_later(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", "postgresql://nobody@127.0.0.1:9/nothing")
    down = WarehouseUnavailable("the warehouse at 127.0.0.1:9 cannot be reached: nothing listens there")
    for step in ("igate", "dvcqg", "transform__warehouse.build_marts"):  # one cause, whatever it stops
        alerting.of_fault(place.settings, down, step)
    assert [m["Subject"] for m in place.mailbox.mails] == [
        "[Onestop Đắk Lắk] The warehouse cannot be reached or written"
    ]
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", place.dsn)
    alerting.of_success(place.settings, "igate")
    events = place.rows("select event, count(*) from ops.alert group by 1 order by 1")
    assert events == [("recovered", 1), ("seen", 3), ("sent", 2)]
    assert place.mailbox.mails[-1]["Subject"].startswith("[Onestop Đắk Lắk] Recovered: ")
    assert not (place.settings.local / "alerts.jsonl").exists()


def test_a_run_tells_of_each_source_by_itself(place: Place) -> None:
    from onestop.pipeline.flows import RunResult

    alerting.of_fault(place.settings, SILENT, "igate")
    result = RunResult(
        problems=[("dvcqg", SourceUnavailable("no folder")), ("transform", BuildFailed("a test failed"))]
    )
    result.ingests.append(SimpleNamespace(source_id="igate"))  # type: ignore[arg-type]
    alerting.of_run(place.settings, result)
    assert place.open == ["build_failed:transform__warehouse", "source_unavailable:dvcqg"]


def test_the_sql_of_runbooks_runs(place: Place) -> None:
    pages = sorted((Path(__file__).parents[2] / "docs/runbooks").glob("*.md"))
    queries = [query for page in pages for query in re.findall(r'-c "(.*?)"', page.read_text(encoding="utf-8"))]
    assert len(queries) > 5
    for query in queries:
        place.rows(query)
