"""When a run was last due, in local time, inside of its window."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from onestop.timetable import last_due
from onestop.window import Window

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("cron", "at", "window", "due"),
    [
        ("0 2 * * *", "2024-09-25T08:00", None, "2024-09-25T02:00"),
        ("0 2 * * *", "2024-09-25T02:00", None, "2024-09-25T02:00"),  # due now is due
        ("0 2 * * *", "2024-09-25T01:59", None, "2024-09-24T02:00"),
        ("0 2 * * 1-5", "2024-09-22T08:00", None, "2024-09-20T02:00"),  # a Sunday: Friday's
        ("0 * * * *", "2024-09-25T08:30", "20:00-05:00", "2024-09-25T04:00"),
        ("0 0 30 2 *", "2024-09-25T08:30", None, None),  # 30 February
    ],
)
def test_last_due(cron: str, at: str, window: str | None, due: str | None) -> None:
    found = last_due(
        cron, datetime.fromisoformat(at).replace(tzinfo=ZONE), ZONE, (window and Window.parse(window)) or None
    )
    assert found == (datetime.fromisoformat(due).replace(tzinfo=ZONE) if due else None)


def test_the_clock_of_the_zone_may_change() -> None:
    after = datetime.fromisoformat("2024-10-27T12:00").replace(tzinfo=AMSTERDAM)  # 03:00 became 02:00 that night
    found = last_due("0 5 * * *", after, AMSTERDAM)
    assert found is not None
    assert found.isoformat() == "2024-10-27T05:00:00+01:00"
