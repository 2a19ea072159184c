"""What lies readable in the quarantine: no personal value, however a record is built."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestop.crypto import DataKeys
from onestop.quality.quarantine import protect, reveal
from onestop.specs import load_spec

SPEC = load_spec("one_stop_dossier")
KEYS = DataKeys(["a data key for tests only"])
SHOWN = {f.field for f in SPEC.fields if not f.personal and f.kind != "list"}
MARK = "Y Moan 0905123456"

names = st.sampled_from(
    ["encrypted"] + [f.field for f in SPEC.fields] + [i.field for f in SPEC.fields for i in f.items]
) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
leaf = st.sampled_from([None, "", 7, True, MARK])
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=10
)


def protected(record: dict[str, Any]) -> dict[str, Any]:
    return protect(record, SPEC, KEYS.encrypt_text)


def opened(value: Any) -> Any:
    """What a replay gets back."""
    return reveal(value, KEYS.decrypt_text)


@settings(deadline=None)
@given(st.dictionaries(names, anything, max_size=6))
def test_no_personal_value_is_readable_and_nothing_is_lost(record: dict[str, Any]) -> None:
    found = protected(record)
    plain = {name: value for name, value in found.items() if not (name in SHOWN and value == MARK)}
    for field in (f for f in SPEC.fields if f.kind == "list"):
        if isinstance(plain.get(field.field), list):
            readable = {i.field for i in field.items if not i.personal}
            plain[field.field] = [
                {n: v for n, v in e.items() if not (n in readable and v == MARK)} if isinstance(e, dict) else e
                for e in plain[field.field]
            ]
    assert MARK not in orjson.dumps(plain).decode()
    assert opened(found) == record


@pytest.mark.parametrize("name", sorted(SPEC.personal_fields | {"LaLung"}))
@pytest.mark.parametrize("value", [MARK, [MARK], {"MaHoSo": MARK}, [[{"MaHoSo": MARK}]], 905123456])
def test_personal_and_unknown_fields(name: str, value: object) -> None:
    for record in ({name: value}, {"DanhSachXinLoi": [{name: value}]}, {"DanhSachLePhi": {name: value}}):
        assert "905123456" not in orjson.dumps(protected(record)).decode()


def test_a_name_that_postgresql_cannot_hold() -> None:
    assert protected({"La\0": "", "\0": MARK, "Email\0": None}).keys() == {"La\ufffd", "\ufffd", "Email\ufffd"}


def test_what_a_clerk_must_see_stays_readable() -> None:
    record = {
        "MaHoSo": "bad",
        "KenhThucHien": "9",
        "DanhSachXinLoi": [{"NgayXinLoi": "20240824000000", "LyDo": MARK}],
        "Email": "",
    }
    found = protected(record)
    assert found | {"DanhSachXinLoi": None} == record | {"DanhSachXinLoi": None}
    assert found["DanhSachXinLoi"][0]["NgayXinLoi"] == "20240824000000"
    assert set(found["DanhSachXinLoi"][0]["LyDo"]) == {"encrypted"}
