"""Names of periods and offices, and the periods compared with."""

from __future__ import annotations

import pytest

from onestop.periods import parse
from onestop.reporting.strings import Words, _table
from onestop.reporting.wording import period_title, previous, province_title, year_before


@pytest.mark.parametrize(
    ("name", "vi", "en"),
    [
        ("2024-M07", "Tháng 7/2024", "July 2024"),
        ("2024-Q3", "Quý III/2024", "Quarter 3 of 2024"),
        ("calendar:2024-Q4", "Quý IV/2024", "Quarter 4 of 2024"),
        ("2024-H1", "6 tháng đầu năm 2024", "First half of 2024"),
        ("2024-H2", "6 tháng cuối năm 2024", "Second half of 2024"),
        ("2024-9M", "9 tháng năm 2024", "Nine months of 2024"),
        ("2024", "Năm 2024", "2024"),
    ],
)
def test_period_titles(name: str, vi: str, en: str) -> None:
    assert (period_title(parse(name)), period_title(parse(name), "en")) == (vi, en)


@pytest.mark.parametrize(
    ("name", "before"),
    [("2024-Q1", "2023-Q4"), ("2024-M01", "2023-M12"), ("2024-H2", "2024-H1"), ("2024", "2023"), ("2024-9M", None)],
)
def test_previous(name: str, before: str | None) -> None:
    found = previous(parse(name))
    assert (found.name if found else None) == before


def test_year_before_keeps_convention_and_kind() -> None:
    assert year_before(parse("calendar:2024-9M")) == parse("calendar:2023-9M")


def test_provinces_and_cities() -> None:
    assert province_title("Đắk Lắk") == province_title("Tỉnh Đắk Lắk") == "tỉnh Đắk Lắk"
    assert province_title("Huế") == "thành phố Huế"
    assert province_title("Thành phố Đà Nẵng", "en") == "Đà Nẵng city"


def test_both_languages_have_the_same_words_and_places() -> None:
    from string import Formatter

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name and name != "nbsp"}

    vi, en = _table("vi"), _table("en")
    assert vi.keys() == en.keys()
    assert {key: places(vi[key]) for key in vi} == {key: places(en[key]) for key in en}


def test_numbers_of_each_language() -> None:
    vi, en = Words("vi"), Words("en")
    assert (vi.integer(224187), en.integer(224187)) == ("224.187", "224,187")
    assert (vi.decimal(4.75), en.decimal(4.75), vi.decimal(2.0)) == ("4,8", "4.8", "2")
    assert (vi.percent(1, 3), en.percent(1, 3), vi.percent(0, 0)) == ("33,33\u00a0%", "33.33%", "không có")
