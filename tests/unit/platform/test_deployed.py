"""The environment of a server of the province's own Airflow, and of none."""

from __future__ import annotations

from pathlib import Path

import pytest

from compose_processes import DOCKER, env_file
from delivery_servers import free_port
from onestop import config
from onestop.errors import ConfigurationError
from onestop.platform import deployed, local_platform

PROVINCE = """
province: {code: H15, name_vi: Đắk Lắk}
sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:9", credentials: IGATE}]
"""


def test_what_compose_tells_its_servers_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    assert deployed.address() is None
    for name, value in env_file(DOCKER / "airflow.env").items():
        monkeypatch.setenv(name, value)
    assert deployed.address() == "http://api-server:8080"


def test_an_airflow_of_somebody_else_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    assert deployed.address() is None


def test_while_nobody_answers_nothing_is_said_to_run_and_no_platform_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", deployed.AUTH_MANAGER)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", f"http://127.0.0.1:{free_port()}/execution/")
    (tmp_path / "province.yml").write_text(PROVINCE, encoding="utf-8")
    settings = config.load(tmp_path / "province.yml")
    found = local_platform.status(settings)
    assert (found["airflow"], found["processes"]) == ({"running": False, "url": None, "user": None}, [])
    with pytest.raises(ConfigurationError, match="a server of the province's own Airflow"):
        local_platform.up(settings)
    assert not settings.local.exists()
