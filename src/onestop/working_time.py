"""Working days and hours: the calendar with its exceptions, clock stops, time limits. Pure.

Source: Labour Code 45/2019 Art. 111, 112 (holidays; the exceptions of each year are a list), Decree 61/2018 and its
successors (hours of the one-stop offices). The same rules stand in SQL (dbt_project/macros/working_time.sql,
int_time__day, int_dossier__working_time); a test proves the two equal.

All days and moments are local. Working days from a to b are those d with a < d <= b.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from typing import Literal

DayKind = Literal["working", "calendar"]
HOURS = ((time(7), time(11, 30)), (time(13, 30), time(17)))
DAY_SECONDS = 8 * 3600


@dataclass(frozen=True)
class Stop:
    """A supplement: the clock stands still after the day of the request, up to the day of the answer (None: open)."""

    requested: date
    answered: date | None = None


@dataclass(frozen=True)
class WorkingCalendar:
    """Monday to Friday, but for the exceptions: day -> whether it is a working day."""

    exceptions: Mapping[date, bool] = field(default_factory=dict)
    _days: list[date] = field(init=False, repr=False, compare=False)
    _shifts: list[int] = field(init=False, repr=False, compare=False)
    _years: frozenset[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        days = sorted(self.exceptions)
        shifts = accumulate(int(self.exceptions[day]) - _is_weekday(day) for day in days)
        for name, value in (("_days", days), ("_shifts", [0, *shifts]), ("_years", frozenset(d.year for d in days))):
            object.__setattr__(self, name, value)

    def is_working(self, day: date) -> bool:
        """Whether the offices work on the day."""
        return self.exceptions.get(day, _is_weekday(day))

    def is_official(self, day: date) -> bool:
        """Whether a list speaks of the day's year; else Monday to Friday are taken for working days."""
        return day.year in self._years

    def number(self, day: date) -> int:
        """Working days up to and including the day, from 1 January of the year 1 on, a Monday."""
        weeks, rest = divmod(day.toordinal() - 1, 7)
        return weeks * 5 + min(rest + 1, 5) + self._shifts[bisect_right(self._days, day)]

    def working_days(self, first: date, last: date) -> int:
        """Working days d with first < d <= last; less than 0 where last lies before first."""
        return self.number(last) - self.number(first)

    def add_working_days(self, day: date, count: int) -> date:
        """The count-th working day after the day; the day itself for 0.

        Raises:
            ValueError: the count is negative, or no such day lies before the year 10000.
        """
        if count < 0:
            raise ValueError("a time limit has no negative number of days")
        if count == 0:
            return day
        wanted = self.number(day) + count
        low, high = day, date.max
        if self.number(high) < wanted:
            raise ValueError(f"{count} working days after {day} lie beyond the calendar")
        while (high - low).days > 1:  # the first day whose number reaches what is wanted
            middle = low + (high - low) // 2
            low, high = (low, middle) if self.number(middle) >= wanted else (middle, high)
        return high

    def next_working_moment(self, moment: datetime) -> datetime:
        """The reception cut-off: the moment itself in office hours, else when the offices next open."""
        day, clock = moment.date(), moment.time()
        if self.is_working(day):
            for opens, closes in HOURS:
                if clock < closes:
                    return moment if clock >= opens else datetime.combine(day, opens)
        return datetime.combine(self.add_working_days(day, 1), HOURS[0][0])

    def working_seconds(self, first: datetime, last: datetime) -> int:
        """Whole working seconds between two moments; less than 0 where last lies before first."""
        return self._seconds_until(last) - self._seconds_until(first)

    def intake_seconds(self, submitted: datetime, received: datetime) -> int:
        """Working seconds from submission to receipt; 0 where the receipt was noted first."""
        return max(self.working_seconds(submitted, received), 0)

    def suspended_days(self, stops: Iterable[Stop], received: date, last: date) -> int:
        """Working days out of received < d <= last on which the clock stood still, each once.

        Args:
            stops: the dossier's supplements, in any order, overlapping or not.
            received: the day of receipt, itself not counted.
            last: the day of the end; of a dossier in progress the day that it is looked at.
        """
        total, counted_up_to = 0, received
        for stop in sorted(stops, key=lambda stop: stop.requested):
            begins = max(stop.requested, counted_up_to)
            ends = last if stop.answered is None else min(stop.answered, last)
            if begins < ends:
                total += self.working_days(begins, ends)
                counted_up_to = ends
        return total

    def processing_days(self, stops: Iterable[Stop], received: date, finished: date) -> int:
        """Working days from receipt to end, suspended days out."""
        return self.working_days(received, finished) - self.suspended_days(stops, received, finished)

    def due_on(self, received: datetime, days: int, kind: DayKind = "working") -> date:
        """The appointment that a time limit gives: the day of receipt is not counted.

        What is received after hours counts as received when the offices next open; a limit in calendar days that ends
        on a day off ends on the next working day.
        """
        start = self.next_working_moment(received).date()
        if kind == "working":
            return self.add_working_days(start, days)
        ends = start + timedelta(days=days)
        return ends if self.is_working(ends) else self.add_working_days(ends, 1)

    def _seconds_until(self, moment: datetime) -> int:
        day = moment.date()
        if not self.is_working(day):
            return self.number(day) * DAY_SECONDS
        return (self.number(day) - 1) * DAY_SECONDS + _seconds_of_day(moment.time())


def read_exceptions(lines: Iterable[str]) -> dict[date, bool]:
    """The exceptions of a CSV with the columns day and is_working (the national list, or a province's own file).

    Raises:
        ValueError: a cell is no day, or neither 1, 0, true nor false.
    """
    exceptions = {}
    for row in csv.DictReader(lines):
        flag = row["is_working"].strip().lower()
        if flag not in ("0", "1", "false", "true"):
            raise ValueError(f"{row['day']}: is_working is {flag!r}, not 1 or 0")
        exceptions[date.fromisoformat(row["day"].strip())] = flag in ("1", "true")
    return exceptions


def _is_weekday(day: date) -> bool:
    return day.isoweekday() < 6


def _seconds_of_day(clock: time) -> int:
    return sum(max(_seconds(min(clock, closes)) - _seconds(opens), 0) for opens, closes in HOURS)


def _seconds(clock: time) -> int:
    return clock.hour * 3600 + clock.minute * 60 + clock.second
