"""`onestop sandbox` as a function: the folder it writes, and that a run could start from it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest

from onestop import config
from onestop.errors import ConfigurationError
from onestop.sandbox.main import Sandbox, serve, start


def test_a_scenario_is_served_with_all_that_a_run_needs(tmp_path: Path) -> None:
    with start("small", tmp_path, port=0, seed=3) as sandbox:
        settings = config.load(tmp_path / "province.yml")
        assert (settings.province.code, settings.province.name_vi) == ("H15", "Đắk Lắk")
        assert settings.source("igate").base_url == sandbox.url
        assert {p.name for p in settings.reference_path.iterdir()} == {"agencies.csv", "procedures.csv", "targets.csv"}
        form = {
            "client_id": sandbox.environment["IGATE_CLIENT_ID"],
            "client_secret": sandbox.environment["IGATE_CLIENT_SECRET"],
            "grant_type": "client_credentials",
        }
        with httpx.Client(base_url=sandbox.url, trust_env=False) as http:
            token = http.post("/oauth2/token", data=form).json()["access_token"]
            page = http.get(
                "/v1/dossiers",
                params={"updated_from": "19700101000000", "updated_to": "20240925080001"},
                headers={"Authorization": f"Bearer {token}"},
            ).json()
        wanted = json.loads((tmp_path / "expected.json").read_text(encoding="utf-8"))
        assert page["total"] == wanted["records_served"]
        assert sandbox.scenario is not None
        row = wanted["forms"]["statutory/2024-Q3"]["H15"]
        assert {name: row[name] for name in sandbox.scenario.target} == sandbox.scenario.target
        assert (row["period_from"], row["period_to"]) == ("2024-06-15", "2024-09-14")
        assert wanted["quarantined_rows"] <= sum(wanted["quarantined_by_rule"].values())
        secret = sandbox.environment["IGATE_CLIENT_SECRET"]
        assert not any(secret in p.read_text(encoding="utf-8") for p in tmp_path.rglob("*") if p.is_file())


def test_serving_waits_until_it_is_told_to_stop(tmp_path: Path) -> None:
    feed = tmp_path / "feed.jsonl"
    feed.write_text('{"MaHoSo": "H99-240101-0001", "NgayCapNhat": "20240101000000"}\n', encoding="utf-8")
    until = threading.Event()
    seen: list[str] = []

    def ready(sandbox: Sandbox) -> None:
        seen.append(sandbox.url)
        assert httpx.get(f"{sandbox.url}/v1/dossiers", trust_env=False).status_code == 401
        until.set()

    serve(None, None, port=0, file=feed, ready=ready, until=until)
    with pytest.raises(httpx.ConnectError):
        httpx.get(seen[0], trust_env=False)


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no scenario 'big'"):
        start("big", tmp_path)
    with pytest.raises(ConfigurationError, match="or a file"):
        start(None, tmp_path)
    (tmp_path / "province.yml").write_text("province: {code: H15}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not written by the sandbox"):
        start("small", tmp_path)
    assert (tmp_path / "province.yml").read_text(encoding="utf-8") == "province: {code: H15}\n"
