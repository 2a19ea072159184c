"""The hours in which a source may be asked."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from onestop.window import Window

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NIGHT, MORNING = Window.parse("20:00-05:00"), Window.parse("01:30 - 05:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("clock", "night", "morning"),
    [
        ("00:00", True, False),
        ("01:29", True, False),
        ("01:30", True, True),
        ("04:59", True, True),
        ("05:00", False, False),
        ("12:00", False, False),
        ("19:59", False, False),
        ("20:00", True, False),
        ("23:59", True, False),
    ],
)
def test_the_start_is_in_it_and_the_end_is_not(clock: str, night: bool, morning: bool) -> None:
    assert (NIGHT.holds(time.fromisoformat(clock)), MORNING.holds(time.fromisoformat(clock))) == (night, morning)


def test_it_is_local_time_that_counts() -> None:
    assert NIGHT.is_open(at("2024-09-25T13:00:00+00:00"), HANOI)  # 20:00 in Hà Nội
    assert not NIGHT.is_open(at("2024-09-25T22:00:00+00:00"), HANOI)  # 05:00


@pytest.mark.parametrize(
    ("now", "closes"),
    [
        ("2024-09-25T20:00:00+07:00", "2024-09-26T05:00:00+07:00"),
        ("2024-09-26T04:59:59+07:00", "2024-09-26T05:00:00+07:00"),
        ("2024-09-26T05:00:00+07:00", "2024-09-27T05:00:00+07:00"),
        ("2024-09-30T17:30:00+00:00", "2024-10-01T05:00:00+07:00"),
    ],
)
def test_it_closes_at_its_next_end(now: str, closes: str) -> None:
    assert NIGHT.closes(at(now), HANOI) == at(closes)


@pytest.mark.parametrize(
    "text", ["", "20:00", "20:00-20:00", "24:00-05:00", "8:00-9:00", "20:60-05:00", "20.00-05.00", "1200"]
)
def test_what_is_no_window_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="20:00-05:00"):
        Window.parse(text)


@pytest.mark.parametrize(
    ("cron", "allowed"),
    [
        ("0 2 * * *", True),
        ("0 5 * * *", False),
        ("59 4 * * *", True),
        ("0 * * * *", True),  # each hour: by day the runs are skipped
        ("0 6-19 * * *", False),
        ("0 8,12,21 * * *", True),
        ("*/10 5-19/2 * * *", False),
        ("30 19/1 * * *", True),
        ("0 X * * *", True),  # not ours to judge
    ],
)
def test_a_timetable_that_never_falls_into_it(cron: str, allowed: bool) -> None:
    assert NIGHT.allows(cron) == allowed
