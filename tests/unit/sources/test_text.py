"""Text and codes in one form, readable dates: properties that hold for any text."""

from __future__ import annotations

import unicodedata
from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onestop.sources.text import (
    as_text,
    code_array,
    is_legacy,
    legacy_text,
    readable,
    strings_of,
    text_array,
)
from unit.sources.legacy_encodings import in_tcvn3, in_vni

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


PHRASES = [
    "Đăng ký khai sinh", "Chứng thực di chúc", "Chứng thực bản sao từ bản chính", "Cấp trích lục hộ tịch", "Hộ tịch",
    "Phê duyệt phương án trồng rừng thay thế", "Thể dục thể thao", "Cấp giấy phép xây dựng nhà ở riêng lẻ", "Đất đai",
    "Thay đổi, cải chính, bổ sung thông tin hộ tịch", "Xác nhận tình trạng hôn nhân", "Lâm nghiệp", "Giải quyết hưởng",
    "Văn phòng Ủy ban nhân dân tỉnh Đắk Lắk", "Đã thanh toán", "Chưa thanh toán", "Nguyễn Thị Phượng", "Trợ cấp",
]  # fmt: skip


@pytest.mark.parametrize("phrase", PHRASES)
def test_text_in_tcvn3_and_in_vni_is_seen(phrase: str) -> None:
    """The same phrases through the tables of both encodings; as Unicode they are no legacy text."""
    assert is_legacy(in_tcvn3(phrase)), in_tcvn3(phrase)
    assert is_legacy(in_vni(phrase)), in_vni(phrase)
    assert not is_legacy(phrase)
    assert not is_legacy(phrase.upper())


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("C«ng hoµ x· héi chñ nghÜa ViÖt Nam", "Công hoà xã hội chủ nghĩa Việt Nam"),
        ("§éc lËp - Tù do - H¹nh phóc", "Độc lập - Tự do - Hạnh phúc"),
    ],
)
def test_the_table_of_tcvn3_is_the_real_one(value: str, meant: str) -> None:
    """As letterheads of the years before Unicode look today."""
    assert in_tcvn3(meant) == value and is_legacy(value)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
        ("Ñoäc laäp - Töï do - Haïnh phuùc", "Độc lập - Tự do - Hạnh phúc"),
    ],
)
def test_the_table_of_vni_is_the_real_one(value: str, meant: str) -> None:
    assert in_vni(meant) == value and is_legacy(value)


@pytest.mark.parametrize(
    "value",
    [
        "Đăng ký khai sinh", "Chứng thực bản sao", "Nuôi con nuôi", "plain", "Ý kiến", "số 5° – “x”", "Viêt Nam",
        "H’Hen Niê", "Café Trung Nguyên", "thửa đất 12, tờ bản đồ số 3 (100 m²)", "Công ty TNHH Müller & Søn",
    ],
)  # fmt: skip
def test_vietnamese_is_no_legacy_text(value: str) -> None:
    assert not is_legacy(value) and not legacy_text(strings(value, "é")).any()


def test_repeated_texts_are_judged_as_single_ones() -> None:
    values = ["Đăng ký", "§¨ng ký", None, "plain"]
    assert legacy_text(strings(*values * 500)).tolist() == [False, True, False, False] * 500


@settings(deadline=None)
@given(
    st.lists(
        st.none() | st.text(st.sampled_from("aắ\u0301\u0323\u1ebf\u1ea1\u212b\u0958\uf900eŏ "), max_size=6), max_size=6
    )
)
def test_text_is_composed_whatever_stands_beside_it(values: list[str | None]) -> None:
    expected = [unicodedata.normalize("NFC", v.strip()) or None if v is not None else None for v in values]
    assert text_array(strings(*values)).to_pylist() == expected
    assert text_array(strings("ế", *values).slice(1)).to_pylist() == expected
