"""What the doctor says of a machine and its server, each check once well and once not."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from delivery_servers import Mailbox, mail_server
from onestop import config
from onestop.clock import system_now
from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.pipeline import doctor_host
from onestop.pipeline.doctor import examine

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
TEXT = (
    "province: {code: H15, name_vi: Đắk Lắk}\n"
    'sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}]\n'
)
HOST = (
    "versions",
    "rights",
    "fonts",
    "time zone",
    "ports",
    "alert channels",
    "disk",
    "clock",
    "connections",
    "programs",
)


@pytest.fixture
def settings(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", warehouse)
    (tmp_path / "province.yml").write_text(TEXT, encoding="utf-8")
    return config.load(tmp_path / "province.yml")


def test_a_machine_in_order(settings: Settings) -> None:
    found = {finding.check: finding for finding in examine(settings)}
    assert {name: found[name].says for name in HOST if not found[name].ok} == {}
    assert "dbt-core 1.11" in found["versions"].says
    assert "pg_dump" in found["programs"].says
    assert not found["source igate"].ok and not found["reference agencies.csv"].ok


def refused(check: Callable[[Settings], str], settings: Settings) -> str:
    with pytest.raises(OnestopError) as caught:
        check(settings)
    assert caught.value.next_step
    return caught.value.message


def test_what_is_not_in_order_is_said_with_a_next_step(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.local.mkdir()
    (settings.local / "keys.json").write_text("{}")
    (settings.local / "keys.json").chmod(0o644)
    assert "can be read by others" in refused(doctor_host.rights, settings)
    (settings.local / "keys.json").chmod(0o600)
    if os.getuid():  # root may write anywhere
        settings.local.chmod(0o500)
        assert "cannot be written" in refused(doctor_host.rights, settings)
        settings.local.chmod(0o700)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        state = settings.local / "airflow" / "onestop.json"
        state.parent.mkdir()
        state.write_text(json.dumps({"port": taken.getsockname()[1]}))
        assert "of Airflow is taken by another program" in refused(doctor_host.free_ports, settings)
    assert doctor_host.free_ports(settings).startswith("Airflow ")

    monkeypatch.setattr(doctor_host, "system_now", lambda: system_now() - timedelta(hours=1))
    assert "the clock of the server is +3600 s off ours" in refused(doctor_host.clock, settings)
    monkeypatch.setattr(doctor_host, "CONNECTIONS", 10_000)
    assert "a night needs 10000" in refused(doctor_host.connections, settings)
    monkeypatch.setattr(doctor_host, "_PACKAGES", {"dbt-core": "1.12"})
    assert "dbt-core is 1.11" in refused(doctor_host.versions, settings)
    monkeypatch.setattr(doctor_host, "_LETTERS", "\u0379")  # unassigned: no font has it
    assert "boxes" in refused(doctor_host.fonts, settings)

    settings.file.write_text(TEXT + "alerts: {engineer: [NOT_SET_HOOK]}\n", encoding="utf-8")
    assert "not set: NOT_SET_HOOK" in refused(doctor_host.alert_channels, config.load(settings.file))


def test_whether_recipients_can_be_reached(settings: Settings, tmp_path: Path) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        (tmp_path / "province.yml").write_text(
            f"{TEXT}delivery:\n  returned: back\n"
            f"  mail: {{host: 127.0.0.1, port: {port}, security: none, sender: a@daklak.gov.vn}}\n"
            "  recipients: [{id: all, mail: b@daklak.gov.vn}, {id: here, folder: .}, {id: mount, folder: missing}]\n",
            encoding="utf-8",
        )
        found = {finding.check: finding for finding in examine(config.load(settings.file))}
    assert found["delivery by mail"].ok and found["recipient here"].ok and box.asked == []
    assert not found["recipient mount"].ok and "is not there" in found["recipient mount"].says
    assert not found["returned mail"].ok
    (tmp_path / "back").mkdir()
    found = {finding.check: finding for finding in examine(config.load(settings.file))}
    assert not found["delivery by mail"].ok and "cannot be reached" in found["delivery by mail"].says
    assert found["returned mail"].ok
