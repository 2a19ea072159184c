"""Credentials inside a task: the environment first, then the Airflow connection of the source's id, for every kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from onestop import config
from onestop.errors import ConfigurationError
from onestop.pipeline import file_folders
from onestop.platform.source_connection import source_connection

PROVINCE = """\
province: {code: H15, name_vi: Đắk Lắk}
sources:
  - {id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}
  - {id: treasury, kind: one_stop_sql, dsn_env: TREASURY_DSN}
  - {id: dvcqg, kind: portal_export, path: "sftp://127.0.0.1:22/exports", credentials: DVCQG}
  - {id: pakn, kind: feedback_api, base_url: "http://127.0.0.1:1", credentials: PAKN}
"""
NAMES = [
    *("IGATE_CLIENT_ID", "IGATE_CLIENT_SECRET", "TREASURY_DSN", "PAKN_API_KEY"),
    *("DVCQG_USER", "DVCQG_PASSWORD", "DVCQG_KEY_FILE", "DVCQG_KNOWN_HOSTS"),
]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    (tmp_path / "province.yml").write_text(PROVINCE, encoding="utf-8")
    return config.load(tmp_path / "province.yml")


def connect(monkeypatch: pytest.MonkeyPatch, source: str, **parts: Any) -> None:
    """Define an Airflow connection the way an operator does in the environment."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{source.upper()}", json.dumps(parts))


def found(settings: config.Settings, source: str, *names: str) -> list[str | None]:
    with source_connection(settings.source(source)):
        return [config.secret(name) for name in names]


def test_client_credentials(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("IGATE_CLIENT_ID", "IGATE_CLIENT_SECRET")
    connect(monkeypatch, "igate", conn_type="http", login="an id", password="a/secret")
    assert found(settings, "igate", *names) == ["an id", "a/secret"]
    assert config.secret(names[0]) is None  # only as long as the task runs
    monkeypatch.setenv("IGATE_CLIENT_ID", "of the environment")
    assert found(settings, "igate", *names) == ["of the environment", "a/secret"]
    secret = settings.root / "secret"
    secret.write_text("of a file\n")
    monkeypatch.setenv("IGATE_CLIENT_SECRET_FILE", str(secret))
    assert found(settings, "igate", *names) == ["of the environment", "of a file"]
    monkeypatch.setenv("AIRFLOW_CONN_IGATE", "http://an-id:s%2Fe@host")
    monkeypatch.delenv("IGATE_CLIENT_ID")
    monkeypatch.delenv("IGATE_CLIENT_SECRET_FILE")
    assert found(settings, "igate", *names) == ["an-id", "s/e"]


def test_one_source_does_not_speak_for_another(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "igate", conn_type="http", login="an id", password="s")
    assert found(settings, "pakn", "IGATE_CLIENT_ID", "PAKN_API_KEY") == [None, None]


@pytest.mark.parametrize("parts", [{"password": "the key"}, {"extra": {"api_key": "the key"}, "password": "other"}])
def test_an_api_key(settings: config.Settings, monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]) -> None:
    connect(monkeypatch, "pakn", conn_type="http", **parts)
    assert found(settings, "pakn", "PAKN_API_KEY") == ["the key"]


def test_a_dsn_out_of_its_parts(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"login": "reader", "password": "p@ss/wörd", "host": "db.local", "port": 5433, "schema": "igate"}
    connect(monkeypatch, "treasury", conn_type="postgres", **parts, extra={"sslmode": "require"})
    (dsn,) = found(settings, "treasury", "TREASURY_DSN")
    url = make_url(str(dsn))
    assert (url.drivername, url.username, url.password, url.host, url.port, url.database, dict(url.query)) == (
        "postgresql", "reader", "p@ss/wörd", "db.local", 5433, "igate", {"sslmode": "require"},
    )  # fmt: skip
    connect(monkeypatch, "treasury", conn_type="generic", extra={"dsn": "oracle+oracledb://r:p@h/?service_name=X"})
    assert found(settings, "treasury", "TREASURY_DSN") == ["oracle+oracledb://r:p@h/?service_name=X"]
    connect(monkeypatch, "treasury", conn_type="ftp", host="h", password="of-the-test")
    with pytest.raises(ConfigurationError, match="'ftp', which is no database's") as caught:
        found(settings, "treasury", "TREASURY_DSN")
    assert "of-the-test" not in str(caught.value)
    monkeypatch.setenv("TREASURY_DSN", "postgresql://e")
    assert found(settings, "treasury", "TREASURY_DSN") == ["postgresql://e"]


def login(settings: config.Settings) -> tuple[str, str | None, Path | None, Path | None]:
    source = settings.source("dvcqg")
    with source_connection(source):
        made = file_folders.sftp_login(settings, source)  # type: ignore[arg-type]
    return made.user, made.password, made.key_file, made.known_hosts


def test_sftp(settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "dvcqg", conn_type="sftp", login="u", password="p", extra={"known_hosts": "/etc/hosts.ssh"})
    assert login(settings) == ("u", "p", None, Path("/etc/hosts.ssh"))
    extra = {"key_file": "/etc/key", "private_key_passphrase": "of the key"}
    connect(monkeypatch, "dvcqg", conn_type="sftp", login="u", password="p", extra=extra)
    assert login(settings) == ("u", "of the key", Path("/etc/key"), None)
    # the environment's way of logging in stays whole: its password is no passphrase of the connection's key
    monkeypatch.setenv("DVCQG_PASSWORD", "e")
    assert login(settings) == ("u", "e", None, None)
    monkeypatch.delenv("DVCQG_PASSWORD")
    monkeypatch.setenv("DVCQG_KEY_FILE", "/home/key")
    assert login(settings) == ("u", None, Path("/home/key"), None)


@pytest.mark.parametrize(("name", "instead"), [("host_key", "known_hosts"), ("private_key", "key_file")])
def test_what_is_not_read_is_said(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch, name: str, instead: str
) -> None:
    connect(monkeypatch, "dvcqg", conn_type="sftp", login="u", password="p", extra={name: "AAAA"})
    with pytest.raises(ConfigurationError, match=f"'{name}' in the extra .* is not read") as caught:
        login(settings)
    assert instead in str(caught.value) and "AAAA" not in str(caught.value)


def test_nothing_anywhere_names_both_places(settings: config.Settings) -> None:
    source = settings.source("igate")
    with (
        pytest.raises(ConfigurationError, match="IGATE_CLIENT_ID, IGATE_CLIENT_SECRET") as caught,
        source_connection(source),
    ):
        config.required_secrets(*source.secrets)
    assert "in the environment" in str(caught.value) and "the Airflow connection 'igate'" in str(caught.value)


def test_an_error_says_that_the_values_came_from_the_connection(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, "igate", conn_type="http", login="an id", password="s")
    source = settings.source("igate")
    with (
        pytest.raises(ConfigurationError, match="taken from the Airflow connection 'igate'"),
        source_connection(source),
    ):
        config.required_secrets(*source.secrets)
        raise ConfigurationError("refuses the credentials", next_step="check IGATE_CLIENT_ID")


def test_a_whole_environment_asks_airflow_for_nothing(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("Airflow was asked")

    monkeypatch.setattr("airflow.sdk.Connection.get", refuse)
    monkeypatch.setenv("IGATE_CLIENT_ID", "i")
    monkeypatch.setenv("IGATE_CLIENT_SECRET", "s")
    source = settings.source("igate")
    with source_connection(source):
        assert config.required_secrets(*source.secrets) == ("i", "s")
