"""Texts of province.yml are texts: whatever stands in one is refused or kept letter by letter."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from onestop import config
from onestop.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / "province.example.yml"
HOSTILE = (
    "'; drop table raw.one_stop_dossier; --",
    "{{ 7 * 191 }}{% raise %}",
    "$(touch pwned) `touch pwned` ${HOME}",
    "%(province)s {0.__class__} !!python/object/apply:os.system ['touch pwned']",
    "=HYPERLINK(\"http://x\",\"y\")",
)  # fmt: skip
WHOLE: dict[str, Any] = {
    "province": {"code": "H15", "name_vi": "Đắk Lắk", "timezone": "Asia/Ho_Chi_Minh"},
    "reference": {"path": "reference"},
    "landing": {"url": ".local/landing"},
    "reports": {"path": ".local/reports"},
    "delivery": {
        "mail": {"host": "mail.example", "sender": "a@example.vn", "credentials": "SMTP"},
        "returned": "returned",
        "recipients": [
            {"id": "office", "sftp": "sftp://nhan.example:22/in", "credentials": "VPCP"},
            {"id": "justice", "unit": "H15.07", "mail": "b@example.vn"},
            {"id": "lak", "unit": "H15.21", "folder": "/mnt/lak"},
        ],
    },
    "alerts": {"engineer": ["c@example.vn"], "owners": {"igate": ["ONCALL_HOOK"]}, "quiet_hours": "22:00-06:00"},
    "watch": {"metrics": "onestop.prom"},
    "maintenance": {"path": "backups"},
    "sources": [
        {"id": "igate", "kind": "one_stop_api", "base_url": "http://127.0.0.1:1", "credentials": "IGATE", "every": "0 2 * * *", "window": "20:00-05:00"},
        {"id": "treasury", "kind": "one_stop_sql", "dsn_env": "TREASURY_DSN", "table": "dossiers"},
        {"id": "dvcqg", "kind": "portal_export", "path": "exports"},
        {"id": "pakn", "kind": "feedback_api", "base_url": "http://127.0.0.1:1", "credentials": "PAKN"},
    ],
}  # fmt: skip
Place = tuple[str | int, ...]


def texts(part: Any, place: Place = ()) -> Iterator[Place]:
    """The place of every text, names of keys left out."""
    if isinstance(part, str):
        yield place
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        yield from texts(value, (*place, key))


def with_text(place: Place, text: str) -> dict[str, Any]:
    whole = deepcopy(WHOLE)
    holder: Any = whole
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = text
    return whole


def test_every_text_is_refused_in_words_or_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "province.yml"
    file.write_text(yaml.safe_dump(WHOLE, allow_unicode=True), encoding="utf-8")
    config.load(file)  # it is whole
    refused, kept = set(), set()
    for number, place in enumerate(texts(WHOLE)):
        for text in (HOSTILE[number % len(HOSTILE)], HOSTILE[(number + 2) % len(HOSTILE)]):
            file.write_text(yaml.safe_dump(with_text(place, text), allow_unicode=True), encoding="utf-8")
            try:
                shown = config.load(file).model_dump_json()
            except ConfigurationError as problem:
                refused.add(place)
                assert "1337" not in str(problem).replace(text, "")
            else:
                kept.add(place)
                assert "1337" not in shown
    assert {path.name for path in tmp_path.iterdir()} == {"province.yml"}
    assert len(refused) >= 20 and ("province", "name_vi") in kept


def test_a_tag_of_python_is_never_made(tmp_path: Path) -> None:
    file = tmp_path / "province.yml"
    file.write_text("province: !!python/object/apply:os.system ['touch pwned']\n", encoding="utf-8")
    with pytest.raises(ConfigurationError):
        config.load(file)
    assert not (tmp_path / "pwned").exists()
