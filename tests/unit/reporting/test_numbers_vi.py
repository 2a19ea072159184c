"""Numbers, dates and order as Vietnam writes them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from onestop.reporting import numbers_vi as vi


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (999, "999"), (1000, "1.000"), (224187, "224.187"), (1234567, "1.234.567")]
)
def test_integer(value: int, text: str) -> None:
    assert vi.integer(value) == text


def test_decimal_rounds_half_up() -> None:
    assert vi.decimal(1234.56) == "1.234,6"
    assert vi.decimal(Decimal("0.25")) == "0,3"


def test_percent_as_published() -> None:
    assert vi.percent(183477 + 39491, 224187) == "99,46\u00a0%"


@pytest.mark.parametrize(
    ("numerator", "denominator", "text"),
    [
        (0, 5, "0,00"),
        (5, 5, "100,00"),
        (99_999, 100_000, "99,99"),
        (999_999, 1_000_000, "99,99"),
        (1, 1_000_000, "0,01"),
    ],
)
def test_percent_says_100_and_0_only_when_true(numerator: int, denominator: int, text: str) -> None:
    assert vi.percent(numerator, denominator) == f"{text}\u00a0%"


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ZeroDivisionError):
        vi.percent(0, 0)


def test_dates() -> None:
    assert vi.day(date(2024, 9, 5)) == "05/09/2024"
    assert vi.moment(datetime(2024, 9, 5, 8, 3)) == "08:03 05/09/2024"


def test_roman() -> None:
    assert [vi.roman(n) for n in (1, 2, 3, 4, 9, 12)] == ["I", "II", "III", "IV", "IX", "XII"]
    with pytest.raises(ValueError, match="13"):
        vi.roman(13)


def test_order_of_the_vietnamese_dictionary() -> None:
    ordered = [
        "An toàn",
        "Ăn uống",
        "Âm nhạc",
        "Dược phẩm",
        "Đất đai",
        "Đường bộ",
        "Hộ tịch",
        "Oanh",
        "Ô tô",
        "Ơn",
        "Việc",
    ]
    backwards = ordered[::-1]
    assert sorted(backwards, key=vi.sort_key) == ordered
    assert sorted(["mạ", "má", "mả", "ma", "mã", "mà"], key=vi.sort_key) == ["ma", "mà", "mả", "mã", "má", "mạ"]
