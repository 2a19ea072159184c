"""The installation's keys: given, or made once and kept; never half, never shown."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from onestop import config
from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.pipeline.keys import DATA_KEY, HASH_KEY, load_keys


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in (HASH_KEY, DATA_KEY, "ONESTOP_WAREHOUSE_DSN", f"{HASH_KEY}_FILE", f"{DATA_KEY}_FILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "province.yml").write_text(
        "province: {code: H15, name_vi: Đắk Lắk}\n"
        'sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:9", credentials: IGATE}]\n'
    )
    return config.load(tmp_path / "province.yml")


def test_beside_the_embedded_server_keys_are_made_once(settings: Settings) -> None:
    first, again = load_keys(settings), load_keys(settings)
    assert first.hash == again.hash and len(first.hash) >= 32
    assert again.data.decrypt_text(first.encrypt_payload("x"), "quarantine payload") == "x"
    file = settings.local / "keys.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(json.loads(file.read_text())) == [DATA_KEY, HASH_KEY]
    assert [p.name for p in settings.local.iterdir()] == ["keys.json"]


def test_starts_at_once_agree_on_the_same_keys(settings: Settings) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len({keys.hash for keys in pool.map(lambda _: load_keys(settings), range(64))}) == 1


def test_the_environment_wins(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HASH_KEY, "a hash key of the environment")
    assert load_keys(settings).hash == b"a hash key of the environment"


def test_a_key_may_lie_in_a_file(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(" a hash key in a file\n")
    monkeypatch.setenv(f"{HASH_KEY}_FILE", str(tmp_path / "key"))
    assert load_keys(settings).hash == b"a hash key in a file"
    monkeypatch.setenv(f"{HASH_KEY}_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=f"{HASH_KEY}_FILE"):
        load_keys(settings)


def test_beside_another_server_they_must_be_given(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", "postgresql://a:b@127.0.0.1/x")
    with pytest.raises(ConfigurationError, match=f"not set: {HASH_KEY}, {DATA_KEY}"):
        load_keys(settings)
    monkeypatch.setenv(HASH_KEY, "a hash key for tests only")
    with pytest.raises(ConfigurationError, match=f"not set: {DATA_KEY}\n"):
        load_keys(settings)
    assert not settings.local.exists()


def test_a_short_key_works_with_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(HASH_KEY, "hunter2")
    with caplog.at_level(logging.WARNING):
        assert len(load_keys(settings).hash) >= 32
    assert HASH_KEY in caplog.text and "hunter2" not in caplog.text


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"ONESTOP_HASH_KEY": "only one of the two keys"}', "\0"])
def test_damaged_keys_are_named_and_left_alone(settings: Settings, content: str) -> None:
    file = settings.local / "keys.json"
    file.parent.mkdir()
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="damaged") as caught:
        load_keys(settings)
    assert str(file) in caught.value.message and caught.value.next_step
    assert file.read_text() == content


def test_a_folder_that_cannot_be_made(settings: Settings) -> None:
    settings.local.write_text("a file where the folder should be")
    with pytest.raises(ConfigurationError, match="neither read nor made"):
        load_keys(settings)
