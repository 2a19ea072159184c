"""Periods by hand: the edges of both conventions, and that months tile the years."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.errors import ConfigurationError
from onestop.periods import CONVENTIONS, containing, last_complete_quarter, months_between, parse


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-Q1", "2023-12-15", "2024-03-14"),
        ("2024-Q2", "2024-03-15", "2024-06-14"),
        ("2024-Q3", "2024-06-15", "2024-09-14"),
        ("2024-Q4", "2024-09-15", "2024-12-14"),
        ("2021-H1", "2020-12-15", "2021-06-14"),
        ("2024-H2", "2024-06-15", "2024-12-14"),
        ("2024-9M", "2023-12-15", "2024-09-14"),
        ("2024", "2023-12-15", "2024-12-14"),
        ("2024-M01", "2023-12-15", "2024-01-14"),
        ("2024-M03", "2024-02-15", "2024-03-14"),
        ("calendar:2024-Q1", "2024-01-01", "2024-03-31"),
        ("calendar:2024-Q4", "2024-10-01", "2024-12-31"),
        ("calendar:2024-M02", "2024-02-01", "2024-02-29"),
        ("calendar:2023-9M", "2023-01-01", "2023-09-30"),
        ("statutory:2024-Q3", "2024-06-15", "2024-09-14"),
    ],
)
def test_first_and_last_day(text: str, first: str, last: str) -> None:
    period = parse(text)
    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)
    assert text.rpartition(":")[2] == period.name
    assert parse(str(period)) == period


@pytest.mark.parametrize(
    "text", ["", "2024-Q5", "2024-M13", "24-Q1", "fiscal:2024-Q1", "2024-Q3 2", "2024/Q3", "0000-Q1", "2024-M1"]
)
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a period"):
        parse(text)


@pytest.mark.parametrize(
    ("day", "convention", "name"),
    [
        ("2024-09-14", "statutory", "2024-Q3"),
        ("2024-09-15", "statutory", "2024-Q4"),
        ("2024-12-14", "statutory", "2024-Q4"),
        ("2024-12-15", "statutory", "2025-Q1"),
        ("2024-12-31", "calendar", "2024-Q4"),
        ("2025-01-01", "calendar", "2025-Q1"),
    ],
)
def test_the_quarter_of_a_day(day: str, convention: str, name: str) -> None:
    found = containing(date.fromisoformat(day), "quarter", convention)  # type: ignore[arg-type]
    assert found is not None and found.name == name


def test_last_complete_quarter() -> None:
    assert str(last_complete_quarter(date(2024, 9, 14))) == "statutory:2024-Q2"
    assert str(last_complete_quarter(date(2024, 9, 15))) == "statutory:2024-Q3"
    assert str(last_complete_quarter(date(2025, 1, 1), "calendar")) == "calendar:2024-Q4"


def test_nine_months_hold_no_day_of_the_last_three() -> None:
    assert containing(date(2024, 9, 15), "nine_months", "statutory") is None
    assert containing(date(2024, 9, 15), "nine_months", "calendar") is not None


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(CONVENTIONS))
def test_every_day_lies_in_one_month_quarter_half_and_year(day: date, convention: str) -> None:
    kinds = [containing(day, kind, convention) for kind in ("month", "quarter", "half", "year")]  # type: ignore[arg-type]
    assert all(period is not None and day in period for period in kinds)
    month, quarter, half, year = (p for p in kinds if p is not None)
    assert year.first <= half.first <= quarter.first <= month.first
    assert month.last <= quarter.last <= half.last <= year.last
    after = containing(month.last + timedelta(days=1), "month", convention)  # type: ignore[arg-type]
    assert after is not None and after.first == month.last + timedelta(days=1)


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 800), st.sampled_from(CONVENTIONS))
def test_months_between_tile_the_span(first: date, days: int, convention: str) -> None:
    last = first + timedelta(days=days)
    months = list(months_between(first, last, convention))  # type: ignore[arg-type]
    assert first in months[0] and last in months[-1]
    assert all(b.first == a.last + timedelta(days=1) for a, b in itertools.pairwise(months))
