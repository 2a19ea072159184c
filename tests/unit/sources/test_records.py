"""Records as columns: whatever JSON they hold, and whichever way it is read."""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestop.sources import record_lists
from onestop.sources.record_lists import plain_number
from onestop.sources.records import LONGEST_DATE, Shaped, shape
from onestop.sources.text import as_text
from onestop.specs import Item, load_spec

SPEC = load_spec("one_stop_dossier")
KEY = b"a key for the tests only, 32 byte"
NAMES = [field.field for field in SPEC.fields]
LISTS = [field.field for field in SPEC.fields if field.kind == "list"]
ITEMS = sorted({item.field for field in SPEC.fields for item in field.items})

text = st.text(max_size=10) | st.sampled_from(
    ["\0", "a\0b", "\\u0000", "1", "20240829100000", '[{"Gia": "\\u0000"}]', "[]"]
)
scalar = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
anything = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text | st.sampled_from(ITEMS), inner, max_size=3),
    max_leaves=8,
)
record = st.dictionaries(st.sampled_from(NAMES) | text, anything, max_size=8)


def shaped(*values: dict[str, Any]) -> Shaped:
    return shape(list(values), SPEC, first_row=1, hash_key=KEY)


def facts(one: Shaped, place: int) -> tuple[object, ...]:
    return (
        {name: column[place].as_py() for name, column in one.columns.items()},
        {name: bool(good[place]) for name, good in one.dates.items()},
        int(one.unreadable_dates[place]), int(one.bad_amounts[place]), int(one.legacy_texts[place]),
        one.content_hash[place], one.delivered_key[place],
    )  # fmt: skip


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value if isinstance(value, list) else [*value, *value.values()]:
            yield from texts_in(part)


@given(st.lists(record, min_size=1, max_size=4))
@settings(deadline=None)
def test_any_json_becomes_columns_that_postgresql_can_hold(values: list[dict[str, Any]]) -> None:
    found = shaped(*values)
    assert set(found.columns) == set(SPEC.raw_columns)
    for name, column in found.columns.items():
        assert len(column) == len(values)
        texts = [v for v in column.to_pylist() if v]
        assert not any("\0" in v for v in texts)
        if name.startswith("danh_sach"):
            assert not any("\0" in v for whole in texts for v in texts_in(json.loads(whole)))
    for kept in found.records:  # names without a value are the quarantine's to mend
        assert b"\\u0000" not in orjson.dumps({k: v for k, v in kept.items() if v}).replace(b"\\\\", b"")


@given(record)
@settings(deadline=None)
def test_a_record_is_read_alike_alone_and_beside_foreign_values(value: dict[str, Any]) -> None:
    """One value that is no text sends the whole chunk another way: it must not change its neighbours."""
    foreign = dict.fromkeys(NAMES, 7)
    assert facts(shaped(value), 0) == facts(shaped(value, foreign, {"MaHoSo": "Đ"}), 0)


@given(record, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_digest_knows_no_order_and_nothing_empty(value: dict[str, Any], draw: random.Random) -> None:
    names = list(value)
    draw.shuffle(names)
    other = {name: value[name] for name in names}
    absent = [name for name in NAMES if name not in value]
    other |= {name: draw.choice([None, "", [], {}]) for name in absent}
    assert shaped(value).content_hash == shaped(other).content_hash


@given(record, st.sampled_from(NAMES), scalar)
@settings(deadline=None)
def test_the_digest_knows_every_value(value: dict[str, Any], name: str, change: object) -> None:
    other = {**value, name: change}
    same = json.dumps(value.get(name) or None) == json.dumps(change if change != "" else None)
    if not same and (value.get(name) or change):
        assert shaped(value).content_hash != shaped(other).content_hash


@pytest.mark.parametrize("value", [0, False, 0.0])
def test_zero_and_false_are_values(value: object) -> None:
    assert shaped({"MucDo": value}).content_hash != shaped({}).content_hash


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [record_lists.DEEPEST - 2, record_lists.DEEPEST, 253, 254, 900])
@pytest.mark.parametrize("name", ["MaHoSo", "ChuHoSo", "NgayCapNhat", "DaXoa", "LaLung", *LISTS])
def test_deep_nesting_is_cut_and_never_breaks(name: str, levels: int) -> None:
    found = shaped({name: nested(levels)}, {name: [{"Gia": nested(levels - 1), "NgayBoSung": nested(levels - 1)}]})
    assert all(orjson.dumps(record) for record in found.records)
    assert len(found.content_hash) == 2


def test_text_that_only_looks_like_a_nul_stays() -> None:
    found = shaped({"TenTTHC": "\\u0000"}, {"TenTTHC": "\\u0000 và \0"})
    assert found.columns["ten_tthc"].to_pylist() == ["\\u0000", "\\u0000 và \ufffd"]


def test_a_nul_inside_a_list_given_as_text() -> None:
    found = shaped({"DanhSachLePhi": '[{"Gia": "1\\u0000", "MaPhiLePhi": "\\u0000"}]'})
    assert found.bad_amounts.tolist() == [1]
    assert "\\u0000" not in found.columns["danh_sach_le_phi"][0].as_py()


def test_what_no_index_could_hold_is_cut() -> None:
    found = shaped({"NgayCapNhat": "9" * 1_000_000})
    assert len(found.columns["ngay_cap_nhat"][0].as_py()) == LONGEST_DATE
    assert found.unreadable_dates.tolist() == [1]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", [7, "x", [1], {"a": 1}, [None], True, "7", '"x"', "{"])
def test_a_list_that_is_none_counts_as_an_unreadable_date(name: str, value: object) -> None:
    found = shaped({name: value})
    assert found.unreadable_dates.tolist() == [1]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", [None, "", [], {}, " ", "[]", "null"])
def test_an_empty_list_is_no_fault(name: str, value: object) -> None:
    assert shaped({name: value}).unreadable_dates.tolist() == [0]


@pytest.mark.parametrize("value", [0, 1, 2.5, -0.0, "0", "50000", "50000.5", "007", 10**30])
def test_plain_numbers(value: object) -> None:
    assert plain_number(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -1,
        -0.5,
        float("nan"),
        float("inf"),
        "",
        " 1",
        "1\n",
        "-1",
        "+1",
        "1.",
        ".5",
        "1e3",
        "1.219.000",
        "1,5",
        "٣",
        "½",
        [],
        {},
    ],
)
def test_no_plain_numbers(value: object) -> None:
    assert not plain_number(value)


@given(st.text(max_size=8))
def test_a_plain_number_can_be_counted_with(value: str) -> None:
    if plain_number(value):
        assert float(value) >= 0


@settings(deadline=None)
@given(st.text(min_size=4, max_size=12).filter(lambda v: v.strip() and not v.isascii()))
def test_personal_values_are_in_no_column(value: str) -> None:
    name = f"Ông «{value}» 0905123456"
    personal = dict.fromkeys(SPEC.personal_fields, name)
    found = shaped({**personal, **{field: [dict.fromkeys(ITEMS, "x") | personal] for field in LISTS}, "LaLung": name})
    assert not any("0905123456" in (v or "") for column in found.columns.values() for v in column.to_pylist())


@given(st.lists(st.lists(st.dictionaries(st.sampled_from(ITEMS), scalar, max_size=4), max_size=3), max_size=4))
@settings(deadline=None)
def test_a_list_is_written_without_its_personal_parts(values: list[list[dict[str, Any]]]) -> None:
    """Element by element, part by part: what columns make of a list is what a reader of the specification would."""
    for item in (field for field in SPEC.fields if field.kind == "list"):
        found = record_lists.shape_list(values, item).texts.to_pylist()
        for text, elements in zip(found, values, strict=True):
            assert (json.loads(text) if text else None) == ([kept(e, item) for e in elements] or None)


def kept(element: dict[str, Any], item: Item) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for part in item.items:
        raw = element.get(part.field)
        if part.kind == "number":
            out[part.field] = json.loads(orjson.dumps(raw.strip() if isinstance(raw, str) else raw))
        elif not part.personal and (text := unicodedata.normalize("NFC", (as_text(raw) or "").strip())):
            out[part.field] = text
    return out


@pytest.mark.parametrize("sign", ["\0", "\x1d", "\x1e", "\x1f", "\\u0000"])
def test_control_characters_do_not_make_two_records_one(sign: str) -> None:
    """The digest's own separators, inside texts and names, in a chunk and alone."""
    values = [
        {"MaHoSo": f"a{sign}b"}, {"MaHoSo": "ab"}, {"MaHoSo": f"a{sign}"}, {f"MaHoSo{sign}": "a"},
        {"MaHoSo": f"a\x1eTenTTHC\x1f{sign}"}, {"MaHoSo": "a", "TenTTHC": sign}, {"DanhSachLePhi": [{"Gia": sign}]},
    ]  # fmt: skip
    together = shaped(*values).content_hash
    assert together == [shaped(value).content_hash[0] for value in values]
    assert len(set(together)) == len({orjson.dumps(value) for value in values})


def test_repaired_codes_are_named_with_what_they_were() -> None:
    found = shaped({"MaHoSo": " h15 .07"}, {"MaHoSo": "H15"}, {"MaHoSo": " ", "DonViXuLy": "đ"}).repairs
    assert {name: (r.places.tolist(), r.before.to_pylist(), r.after.to_pylist()) for name, r in found.items()} == {
        "MaHoSo": ([0], [" h15 .07"], ["H15.07"]),
        "DonViXuLy": ([2], ["đ"], ["Đ"]),
    }


def test_a_place_is_no_content_but_that_it_is_missing_is() -> None:
    spec = load_spec("portal_dossier")
    rows = [{"STT": place, "MaHoSo": "H15.07-240823-0001"} for place in ("1", "2", 3, None, "")]
    together = shape(rows, spec, first_row=1, hash_key=KEY).content_hash
    alone = [
        hashed
        for row in rows
        for hashed in shape([{**row, "Lạ": "\0"}, row], spec, first_row=1, hash_key=KEY).content_hash[1:]
    ]
    assert together == alone
    assert len(set(together[:3])) == len(set(together[3:])) == 1 != len(set(together))
