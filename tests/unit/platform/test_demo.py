"""How the demonstration starts, what it says on the way and how it ends, without its servers."""

from __future__ import annotations

import io
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from onestop.config import PortalExportSource, Settings
from onestop.platform import demo as module
from onestop.platform import demo_runs as runs
from onestop.platform.airflow_client import DagRunError, Run, Task
from onestop.platform.demo_screen import Screen, Step
from onestop.platform.names import PROGRESS_MARK, TRANSFORM_DAG

RUN = Run("ingest__igate", "r", "running")


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    calls: list[Settings] = []
    monkeypatch.setattr(module.local_platform, "down", lambda settings: calls.append(settings) or [])
    return calls


class FakeClient:
    """Airflow as far as these functions see it: every run takes a few looks; data of ingests start runs by themselves."""

    def __init__(self, started_by_assets: dict[str, set[str]] | None = None, log: list[str] | None = None) -> None:
        self.started_by_assets, self.log = started_by_assets or {}, log or []
        self.triggered: list[str] = []
        self.ended: list[str] = []
        self.fails: str | None = None
        self.looks: dict[str, int] = {}

    def asset_runs(self, dag_id: str, since: datetime) -> list[Run]:
        """One run more each time one has ended, as where runs take place one after another."""
        shown = sum(run_id in self.ended for run_id in self.started_by_assets) + 1
        return [Run(dag_id, run_id, "running") for run_id in list(self.started_by_assets)[:shown]]

    def causes(self, run: Run) -> set[str]:
        return self.started_by_assets[run.run_id]

    def trigger(self, dag_id: str, conf: dict[str, str] | None = None) -> Run:
        self.triggered.append(dag_id)
        return Run(dag_id, f"manual {dag_id}", "queued")

    def run(self, dag_id: str, run_id: str) -> Run:
        self.looks[run_id] = self.looks.get(run_id, 0) + 1
        ended = "failed" if dag_id == self.fails else "success"
        return Run(dag_id, run_id, ended if self.looks[run_id] > len(dag_id) % 3 else "running")

    def tasks(self, run: Run) -> list[Task]:
        return []

    def wait(self, run: Run, *, timeout_seconds: float, on_progress: Any = None) -> Run:
        if run.dag_id == self.fails:
            raise DagRunError(f"{run.dag_id} failed")
        self.ended.append(run.run_id)
        return Run(run.dag_id, run.run_id, "success")

    def returned(self, run: Run, task_id: str) -> list[str]:
        return ["report.xlsx"]

    def log_lines(self, run: Run, task: Task) -> list[str]:
        return self.log


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setattr(runs, "LOOK_SECONDS", 0.001)
    return Screen(Console(file=io.StringIO()))


def prepared(folder: Path) -> Settings:
    return module._prepare(folder / ".demo")


def test_it_starts_from_nothing_but_keeps_the_servers_set_up(tmp_path: Path, stopped: list[Settings]) -> None:
    first = prepared(tmp_path)
    old = [Path(first.landing_url) / "page", first.reports_path / "r.xlsx", first.reference_path / "agencies.csv"]
    kept = first.local / "postgres.json"
    for file in (*old, kept):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", encoding="ascii")
    assert stopped == []
    second = prepared(tmp_path)
    assert stopped == [first], "what an earlier demonstration left up is stopped"
    assert [file.exists() for file in (*old, kept)] == [False, False, False, True]
    assert second.province.code == "H15"


def test_the_warehouse_of_the_environment_is_never_its_own(
    tmp_path: Path, stopped: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", "postgresql://province@db/real")
    assert prepared(tmp_path).warehouse_dsn is None


@pytest.mark.parametrize("keep", [False, True])
def test_everything_is_stopped_unless_it_is_to_stay(tmp_path: Path, stopped: list[Settings], keep: bool) -> None:
    settings = prepared(tmp_path)
    with module._stopped_at_the_end(settings) as leave_up:
        if keep:
            leave_up()
    assert stopped == ([] if keep else [settings])


def test_a_signal_stops_everything(tmp_path: Path, stopped: list[Settings]) -> None:
    settings = prepared(tmp_path)
    former = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), module._stopped_at_the_end(settings):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    assert stopped == [settings]
    assert signal.getsignal(signal.SIGTERM) == former


INGESTS = ["ingest__igate", "ingest__treasury", "ingest__pakn"]


def test_all_runs_that_new_data_started_are_followed(screen: Screen) -> None:
    client: Any = FakeClient({"first": {"ingest__pakn", "ingest__treasury"}, "second": {"ingest__igate"}})
    runs._transform(client, screen, INGESTS, datetime.now(UTC))
    assert (client.ended, client.triggered) == (["first", "second"], [])


def test_should_one_not_come_one_is_started(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "ASSET_SECONDS", 0)
    client: Any = FakeClient({"first": {"ingest__pakn"}})
    runs._transform(client, screen, INGESTS, datetime.now(UTC))
    assert client.ended == ["first", f"manual {TRANSFORM_DAG}"]


def test_the_sources_are_ingested_side_by_side_and_then_built_and_reported(screen: Screen) -> None:
    client: Any = FakeClient({"built": set(INGESTS)})
    reports = runs.run_dags(client, screen, ["igate", "treasury", "pakn"], "2024-Q3")
    assert client.triggered == ["ingest__reference", *INGESTS, "report__quarterly"]
    assert client.ended[-2:] == ["built", "manual report__quarterly"]
    assert reports == ["report.xlsx"]


def test_a_source_that_fails_ends_the_demonstration(screen: Screen) -> None:
    client: Any = FakeClient()
    client.fails = "ingest__treasury"
    with pytest.raises(DagRunError, match="ingest__treasury failed"):
        runs._follow_all(client, screen, INGESTS)
    shown = screen.console.file.getvalue()  # type: ignore[attr-defined]
    assert "✗ ingest__treasury" in shown


def test_a_step_says_what_runs_how_long_and_how_far() -> None:
    step = Step("ingest__igate")
    client: Any = FakeClient([], ["started", f"igate{PROGRESS_MARK}1000", f"igate{PROGRESS_MARK}45000", "pulling on"])
    runs._tell(client, RUN, [Task("ingest", "running", 1, 12.3)], step)
    assert step.detail == "0/1 tasks · ingest 12 s · 45,000 records"
    runs._tell(client, RUN, [Task("ingest", "success", 1, 20.0)], step)
    assert step.detail == "1/1 tasks · 45,000 records"


def test_the_sample_is_the_published_quarter() -> None:
    from onestop.sandbox.scenarios import scenario

    chosen = scenario(module.SCENARIO)
    assert (chosen.period, chosen.as_of) == (module.PERIOD, datetime.fromisoformat(module.AS_OF))


def test_there_is_a_source_of_every_kind(tmp_path: Path, stopped: list[Settings]) -> None:
    kinds = {source.kind for source in prepared(tmp_path).sources}
    assert kinds == {"one_stop_api", "one_stop_sql", "portal_export", "feedback_api"}


def test_the_portals_files_come_over_sftp_from_a_known_host(tmp_path: Path, stopped: list[Settings]) -> None:
    from onestop.sandbox import main as sandbox

    portal = prepared(tmp_path).source(module.PORTAL)
    assert isinstance(portal, PortalExportSource) and portal.is_sftp and portal.credentials == "DVCQG"
    assert (module.SFTP_USER, module.KNOWN_HOSTS) == (sandbox.SFTP_USER, sandbox.KNOWN_HOSTS)
