"""Text and codes in one form, readable dates: properties that hold for any text."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onestop.sources import text
from onestop.sources.text import (
    as_text,
    clean_text,
    code_array,
    is_legacy,
    legacy_text,
    readable,
    strings_of,
    text_array,
)

words = st.text(st.characters(codec="utf-8") | st.sampled_from("\0 \t\r\n\u00a0\u2003\u0301ạĐđßﬁſıİ０"), max_size=12)


def strings(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


@settings(deadline=None)
@given(st.lists(st.none() | words, max_size=6))
def test_one_form_is_kept_when_it_is_made_again(values: list[str | None]) -> None:
    for make in (text_array, code_array):
        once = make(strings(*values))
        assert make(once).to_pylist() == once.to_pylist()
        assert "" not in once.to_pylist()


@settings(deadline=None)
@given(words)
def test_a_value_is_the_same_alone_and_beside_text_in_other_scripts(value: str) -> None:
    for make in (text_array, code_array):
        assert make(strings(value)).to_pylist() == make(strings(value, "Đắk Lắk")).to_pylist()[:1]


def test_codes_and_texts() -> None:
    assert code_array(strings(" h15 .07\u00a0", "\u0111a", "", None)).to_pylist() == ["H15.07", "ĐA", None, None]
    assert text_array(strings("  Đă\u0301k  Lă\u0301k ", " ")).to_pylist() == ["Đắk  Lắk", None]


@settings(deadline=None)
@given(st.from_regex(r"[0-9]{14}", fullmatch=True) | words)
@example("00000101000000")
@example("00010101000000")
@example("19000229000000")
@example("20000229235959")
@example("20240229240000")
@example("20241332000000")
@example("99991231235959")
@example("２０２４０８２９１０００００")
@example("20240829100000\n")
def test_readable_is_what_the_calendar_says(stamp: str) -> None:
    try:
        datetime.strptime(stamp, "%Y%m%d%H%M%S")
        expected = len(stamp) == 14 and stamp.isascii() and stamp.isdigit() and not stamp.endswith(("60", "61"))
    except ValueError:
        expected = False
    assert readable(strings(stamp, None)).tolist() == [expected, False]


@settings(deadline=None)
@given(st.datetimes(min_value=datetime(1, 1, 1)))
def test_every_moment_is_readable(moment: datetime) -> None:
    assert readable(strings(moment.strftime("%Y%m%d%H%M%S").zfill(14))).all()


@settings(deadline=None)
@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words, max_size=5))
def test_foreign_values_become_text_and_are_named(values: list[object]) -> None:
    array, foreign = strings_of(values)
    assert array.to_pylist() == [as_text(v) for v in values]
    assert foreign == [n for n, v in enumerate(values) if v is not None and not isinstance(v, str)]


def test_what_values_look_like_as_text() -> None:
    assert [as_text(v) for v in (None, True, False, 7, 1.5, "x", [1], {"a": None})] == [
        None, "1", "0", "7", "1.5", "x", "[1]", '{"a":null}',
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["V¨n phßng", "§¨ng ký", "Ñaêng kyù khai sinh"])
def test_legacy_encodings_are_seen(value: str) -> None:
    assert is_legacy(value) and legacy_text(strings(value)).all()


@pytest.mark.parametrize(
    "value", ["Đăng ký khai sinh", "Chứng thực bản sao", "Nuôi con nuôi", "plain", "Ý kiến", "số 5° – “x”"]
)
def test_vietnamese_is_no_legacy_text(value: str) -> None:
    assert not is_legacy(value) and not legacy_text(strings(value, "é")).any()


def test_long_texts_are_not_remembered() -> None:
    before = text._clean.cache_info().currsize, text._is_legacy.cache_info().currsize
    value = "ạ" * (text.LONGEST_LABEL + 1)
    assert clean_text(f" {value} ") == value and not is_legacy(value)
    assert (text._clean.cache_info().currsize, text._is_legacy.cache_info().currsize) == before
