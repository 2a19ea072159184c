"""The environment of the local Airflow, and what it refuses, without starting it."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest

from onestop.config import Settings, load
from onestop.errors import ConfigurationError, WarehouseUnavailable
from onestop.platform.airflow import LocalAirflow

DSN = "postgresql://airflow:secret@127.0.0.1:1/airflow?connect_timeout=5"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "province.yml"
    file.write_text(
        "province: {code: H15, name_vi: Đắk Lắk}\n"
        "sources: [{id: igate, kind: one_stop_api, base_url: 'http://127.0.0.1:1', credentials: IGATE}]\n",
        encoding="utf-8",
    )
    return load(file)


def test_tasks_get_the_callers_environment_and_no_other_airflow(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IGATE_CLIENT_SECRET", "s")
    monkeypatch.setenv("ONESTOP_AS_OF", "2024-01-01")
    monkeypatch.setenv("AIRFLOW_CONN_IGATE", "http://igate")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC", "postgresql://another")
    found = LocalAirflow(settings, DSN).environment({"ONESTOP_AS_OF": "2024-09-25"})
    assert found["IGATE_CLIENT_SECRET"] == "s"
    assert found["ONESTOP_AS_OF"] == "2024-09-25"
    assert found["ONESTOP_CONFIG"] == str(settings.file)
    assert found["AIRFLOW_CONN_IGATE"] == "http://igate"
    assert found["AIRFLOW_HOME"] == str(settings.local / "airflow")
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC" not in found
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg2://airflow:secret@127.0.0.1:1/airflow"


def test_port_password_and_keys_are_made_once_and_kept(settings: Settings) -> None:
    first, second = LocalAirflow(settings, DSN), LocalAirflow(settings, DSN)
    assert (first.url, first.password) == (second.url, second.password)
    assert first.environment() == second.environment()
    file = settings.local / "airflow" / "onestop.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_two_projects_have_nothing_in_common(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "province.yml").write_text(settings.file.read_text("utf-8"), encoding="utf-8")
    one, other = LocalAirflow(settings, DSN), LocalAirflow(load(tmp_path / "other" / "province.yml"), DSN)
    for key in ("AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_HOME"):
        assert one.environment()[key] != other.environment()[key]


def test_a_port_in_use_is_said_with_what_to_do(settings: Settings) -> None:
    airflow = LocalAirflow(settings, DSN)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(airflow.url.rpartition(":")[2])))
        taken.listen()
        with pytest.raises(WarehouseUnavailable, match="is taken by another program") as caught:
            airflow.start()
    assert "onestop.json" in (caught.value.next_step or "")


@pytest.mark.parametrize("text", ["{", json.dumps({"port": 1}), "[]"])
def test_a_damaged_state_is_no_mystery(settings: Settings, text: str) -> None:
    folder = settings.local / "airflow"
    folder.mkdir(parents=True)
    (folder / "onestop.json").write_text(text)
    with pytest.raises(ConfigurationError, match="cannot be understood"):
        _ = LocalAirflow(settings, DSN).url
