"""Days and seconds of the sandbox's local calendar: whole numbers since 1970, so that numpy can draw them.

A day is days since 1970-01-01, a moment is seconds since 1970-01-01 00:00 of the local wall clock; NONE is no day
and no moment.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DAY = 86_400
NONE = -1
_EPOCH = date(1970, 1, 1)
_HOLIDAYS = {(1, 1), (4, 30), (5, 1), (9, 2)}


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def as_day(number: int) -> date:
    """The date of a day number."""
    return _EPOCH + timedelta(days=number)


def moment_number(moment: datetime) -> int:
    """Seconds of the wall clock since 1970-01-01 00:00; the offset is left aside."""
    return int((moment.replace(tzinfo=None) - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001


class WorkingDays:
    """Which days of a span offices are open: no weekend, no fixed national holiday."""

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        dates = [as_day(n) for n in range(first, last + 1)]
        is_open = [d.weekday() < 5 and (d.month, d.day) not in _HOLIDAYS for d in dates]
        self._next = np.empty(len(dates), np.int64)
        self._previous = np.empty(len(dates), np.int64)
        nearest = last
        for i in range(len(dates) - 1, -1, -1):
            nearest = first + i if is_open[i] else nearest
            self._next[i] = nearest
        nearest = first
        for i in range(len(dates)):
            nearest = first + i if is_open[i] else nearest
            self._previous[i] = nearest

    def following(self, day: Ints) -> Ints:
        """The day itself if it is a working day, else the next one."""
        return self._next[day - self._first]

    def within(self, day: Ints, low: Ints | int, high: Ints | int) -> Ints:
        """The nearest working day in [low, high]; the day itself where there is none."""
        later, earlier = self._next[day - self._first], self._previous[day - self._first]
        chosen = np.where(later <= high, later, earlier)
        return np.where((chosen >= low) & (chosen <= high), chosen, day)


class Stamps:
    """Moments as the feed writes them: yyyyMMddHHmmss."""

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        self._days = [as_day(n).strftime("%Y%m%d") for n in range(first, last + 1)]
        self._clock = [f"{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}" for s in range(DAY)]

    def one(self, moment: int) -> str | None:
        """The stamp of a moment, None for NONE."""
        if moment == NONE:
            return None
        day, second = divmod(moment, DAY)
        return self._days[day - self._first] + self._clock[second]

    def many(self, moments: Ints) -> list[str | None]:
        """The stamps of many moments."""
        days, clock, first = self._days, self._clock, self._first
        return [
            None if d < 0 else days[d - first] + clock[s]
            for d, s in zip((moments // DAY).tolist(), (moments % DAY).tolist(), strict=True)
        ]
