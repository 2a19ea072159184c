"""Reporting periods: two conventions, five kinds, one value type. Pure.

Source: Decree 09/2019/NĐ-CP Art. 12 (closing dates) for `statutory`; Decision 766/QĐ-TTg uses
`calendar`. A statutory month m runs from day 15 of the month before to day 14 of m.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from onestop.errors import ConfigurationError

Convention = Literal["statutory", "calendar"]
Kind = Literal["month", "quarter", "half", "nine_months", "year"]
CONVENTIONS: tuple[Convention, ...] = ("statutory", "calendar")

_MONTHS: dict[Kind, int] = {"month": 1, "quarter": 3, "half": 6, "nine_months": 9, "year": 12}
_NAME = re.compile(
    r"^(?P<year>\d{4})(?:-(?:M(?P<month>0[1-9]|1[0-2])|Q(?P<quarter>[1-4])|H(?P<half>[12])|(?P<nine>9M)))?$"
)


@dataclass(frozen=True, order=True)
class Period:
    """One reporting period; `first` and `last` are local dates, both inclusive.

    `start_month` is the 1-based month, within `year`, that the period begins with.
    """

    convention: Convention
    year: int
    start_month: int
    kind: Kind

    @property
    def name(self) -> str:
        """2024-M07, 2024-Q3, 2024-H1, 2024-9M or 2024."""
        match self.kind:
            case "month":
                return f"{self.year}-M{self.start_month:02d}"
            case "quarter":
                return f"{self.year}-Q{(self.start_month + 2) // 3}"
            case "half":
                return f"{self.year}-H{(self.start_month + 5) // 6}"
            case "nine_months":
                return f"{self.year}-9M"
            case "year":
                return f"{self.year}"

    @property
    def first(self) -> date:
        """First day, inclusive."""
        return _month_first(self.convention, self.year, self.start_month)

    @property
    def last(self) -> date:
        """Last day, inclusive."""
        end = self.start_month + _MONTHS[self.kind]
        year, month = (self.year, end) if end <= 12 else (self.year + 1, end - 12)
        return _month_first(self.convention, year, month) - timedelta(days=1)

    @property
    def folder(self) -> str:
        """The name of the period's folder under the reports' path."""
        return f"{self.convention}_{self.name}"

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.convention}:{self.name}"


def _month_first(convention: Convention, year: int, month: int) -> date:
    if convention == "calendar":
        return date(year, month, 1)
    return date(year - 1, 12, 15) if month == 1 else date(year, month - 1, 15)


def parse(text: str) -> Period:
    """`2024-Q3` (statutory) or `calendar:2024-Q3`.

    Raises:
        ConfigurationError: it is no period.
    """
    convention, _, name = text.strip().rpartition(":")
    found = _NAME.match(name)
    if convention not in ("", *CONVENTIONS) or not found or not 1000 <= int(found["year"]) <= 9998:
        raise ConfigurationError(
            f"{text!r} is not a period",
            next_step="write 2024-Q3 or calendar:2024-Q3; also 2024-M07, 2024-H1, 2024-9M, 2024",
        )
    chosen: Convention = "calendar" if convention == "calendar" else "statutory"
    year = int(found["year"])
    if found["month"]:
        return Period(chosen, year, int(found["month"]), "month")
    if found["quarter"]:
        return Period(chosen, year, int(found["quarter"]) * 3 - 2, "quarter")
    if found["half"]:
        return Period(chosen, year, int(found["half"]) * 6 - 5, "half")
    return Period(chosen, year, 1, "nine_months" if found["nine"] else "year")


def containing(day: date, kind: Kind, convention: Convention) -> Period | None:
    """The period of this kind that holds the day; None only for nine months in October to December."""
    year, month = day.year, day.month
    if convention == "statutory" and day.day >= 15:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    if kind == "nine_months":
        return Period(convention, year, 1, kind) if month <= 9 else None
    span = _MONTHS[kind]
    return Period(convention, year, (month - 1) // span * span + 1, kind)


def last_complete_quarter(day: date, convention: Convention = "statutory") -> Period:
    """The newest quarter whose last day lies before `day`."""
    running = containing(day, "quarter", convention)
    assert running is not None  # noqa: S101  (only nine months can be None)
    previous = containing(running.first - timedelta(days=1), "quarter", convention)
    assert previous is not None  # noqa: S101
    return previous


def months_between(first: date, last: date, convention: Convention) -> Iterator[Period]:
    """Every month from the one that holds `first` to the one that holds `last`."""
    day = first
    while True:
        month = containing(day, "month", convention)
        assert month is not None  # noqa: S101
        if month.first > last:
            return
        yield month
        day = month.last + timedelta(days=1)
