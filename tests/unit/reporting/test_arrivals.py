"""What a running period is likely to become: an exact case by hand, and how often the interval holds."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from onestop.reporting.arrivals import COMPLETE, LEAST_TRIALS, WINDOW, Events, expect

TODAY = date(2024, 9, 10)
FIRST = date(2024, 8, 15)
HISTORY = 300


def days(last: date = TODAY, count: int = HISTORY) -> list[date]:
    return [last - timedelta(days=n) for n in range(count)]


def test_half_known_at_once_and_half_two_days_later() -> None:
    """10 events a day: of today and yesterday 5 are known, so 10 of the period's are missing."""
    events = Events(row for day in days() for row in ((day, 0, 5), (day, 2, 5)))
    found = expect("received_new", events, FIRST, TODAY)
    assert found is not None
    whole = 10 * ((TODAY - FIRST).days + 1)
    assert (found.known, found.estimate) == (whole - 10, whole)
    assert found.lowest <= whole <= found.highest
    assert found.missing_share == pytest.approx(10 / whole)
    assert found.coverage == 1.0


def test_what_is_known_later_does_not_count() -> None:
    events = Events([(TODAY, 0, 3), (TODAY, 1, 4)])
    assert events.known(TODAY, TODAY) == 3
    assert events.known(TODAY, TODAY + timedelta(days=1)) == 7


def test_a_negative_delay_counts_at_once() -> None:
    assert Events([(TODAY, -2, 3)]).known(TODAY, TODAY) == 3


def test_too_short_a_past_gives_nothing() -> None:
    """The shares want a window of complete days before the oldest trial."""
    rows = [(day, 0, 5) for day in days(count=COMPLETE + WINDOW)]
    assert Events(rows).shares(TODAY) is not None
    assert expect("received_new", Events(rows), FIRST, TODAY) is None
    assert expect("received_new", Events([]), FIRST, TODAY) is None
    enough = COMPLETE + WINDOW + COMPLETE + LEAST_TRIALS
    assert expect("received_new", Events((d, 0, 5) for d in days(count=enough)), FIRST, TODAY) is not None


@pytest.mark.parametrize("seed", range(2))
def test_the_interval_holds_about_as_often_as_it_says(seed: int) -> None:
    """Arrivals that vary by day and weekday, delays that are mostly short; 30 different todays."""
    draw = random.Random(seed)
    truth: dict[date, int] = {}
    rows: list[tuple[date, int, int]] = []
    for day in days(count=HISTORY + 40):
        total = int(draw.gauss(200, 20)) if day.weekday() < 5 else int(draw.gauss(20, 5))
        truth[day] = max(total, 0)
        for _ in range(truth[day]):
            rows.append((day, min(int(draw.expovariate(0.5)), COMPLETE), 1))
    events = Events(rows)
    held = trials = 0
    for back in range(0, 30, 2):
        today = TODAY - timedelta(days=back)
        found = expect("received_new", events, today - timedelta(days=25), today)
        assert found is not None
        whole = sum(truth[today - timedelta(days=n)] for n in range(26))
        assert abs(found.estimate - whole) < 0.1 * whole
        assert found.known < whole
        held += found.lowest <= whole <= found.highest
        trials += 1
    assert held / trials >= 0.6
