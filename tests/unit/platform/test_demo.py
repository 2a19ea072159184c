"""How the demonstration starts, what it says on the way and how it ends, without its servers."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from onestop.config import Settings
from onestop.platform import demo as module
from onestop.platform.airflow_client import Run, Task
from onestop.platform.demo_screen import Step
from onestop.platform.names import PROGRESS_MARK, TRANSFORM_DAG

RUN = Run("ingest__igate", "r", "running")


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    calls: list[Settings] = []
    monkeypatch.setattr(module.local_platform, "down", lambda settings: calls.append(settings) or [])
    return calls


class FakeClient:
    """Airflow as far as these functions see it."""

    def __init__(self, started_by_assets: list[Run], log: list[str] | None = None) -> None:
        self.started_by_assets, self.log = started_by_assets, log or []
        self.triggered: list[str] = []

    def asset_runs(self, dag_id: str, since: datetime) -> list[Run]:
        return self.started_by_assets

    def trigger(self, dag_id: str) -> Run:
        self.triggered.append(dag_id)
        return Run(dag_id, "manual", "queued")

    def log_lines(self, run: Run, task: Task) -> list[str]:
        return self.log


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


def test_the_run_that_new_data_started_is_followed() -> None:
    begun = Run(TRANSFORM_DAG, "asset_triggered__1", "running")
    client: Any = FakeClient([begun])
    assert module._transform_run(client, datetime.now(UTC)) == begun
    assert client.triggered == []


def test_should_none_come_one_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASSET_SECONDS", 0)
    client: Any = FakeClient([])
    assert module._transform_run(client, datetime.now(UTC)).run_id == "manual"
    assert client.triggered == [TRANSFORM_DAG]


def test_a_step_says_what_runs_how_long_and_how_far() -> None:
    step = Step("ingest__igate")
    client: Any = FakeClient([], ["started", f"igate{PROGRESS_MARK}1000", f"igate{PROGRESS_MARK}45000", "pulling on"])
    module._tell(client, RUN, [Task("ingest", "running", 1, 12.3)], step)
    assert step.detail == "0/1 tasks · ingest 12 s · 45,000 records"
    module._tell(client, RUN, [Task("ingest", "success", 1, 20.0)], step)
    assert step.detail == "1/1 tasks · 45,000 records"


def test_the_sample_is_the_published_quarter() -> None:
    from onestop.sandbox.scenarios import scenario

    chosen = scenario(module.SCENARIO)
    assert (chosen.period, chosen.as_of) == (module.PERIOD, datetime.fromisoformat(module.AS_OF))
