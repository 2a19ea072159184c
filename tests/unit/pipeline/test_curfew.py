"""A run stays inside the hours of its source: outside it asks nothing, at their end it stops in the middle of a wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from onestop.config import OneStopApiSource
from onestop.errors import SourceUnavailable, WindowClosed
from onestop.pipeline.curfew import Curfew
from onestop.sources.paging import Page

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
EVE = datetime.fromisoformat("2024-09-26T04:59:59.800000+07:00")


def source(window: str | None = "20:00-05:00") -> OneStopApiSource:
    return OneStopApiSource.model_validate(
        {
            "id": "igate",
            "kind": "one_stop_api",
            "base_url": "http://127.0.0.1:1",
            "credentials": "IGATE",
            "window": window,
        }
    )


class Clock:
    """Starts at a moment and runs with the machine's."""

    def __init__(self, start: datetime) -> None:
        self._start, self._began = start, time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)


def page(number: int) -> Page:
    return Page(number, b"", [])


def test_outside_nothing_may_be_asked() -> None:
    noon = Clock(datetime.fromisoformat("2024-09-26T12:00:00+07:00"))
    with pytest.raises(WindowClosed, match="from 20:00 to 05:00 only, local time; now it is 12:00. Nothing") as caught:
        Curfew(source(), HANOI, now=noon).check_open()
    assert (caught.value.was_asked, caught.value.retryable, caught.value.exit_code) == (False, False, 1)
    assert "--ignore-window" in str(caught.value)
    Curfew(source(), HANOI, now=noon, ignored=True).check_open()
    Curfew(source(None), HANOI, now=noon).check_open()
    Curfew(source(), HANOI, now=Clock(EVE)).check_open()


def test_at_the_end_a_request_that_hangs_is_ended() -> None:
    stopped = threading.Event()

    def hanging() -> Iterator[Page]:
        yield page(1)
        stopped.wait(10)
        raise SourceUnavailable("the pull was stopped")

    taken = []
    started = time.monotonic()
    with pytest.raises(WindowClosed, match="stopped asking") as caught:
        for one in Curfew(source(), HANOI, now=Clock(EVE)).guarded(hanging(), stopped.set):
            taken.append(one.number)
    assert time.monotonic() - started < 5
    assert taken == [1] and caught.value.was_asked and not caught.value.retryable


def test_a_pull_that_is_done_in_time_is_left_alone() -> None:
    stopped: list[bool] = []
    curfew = Curfew(source(), HANOI, now=Clock(EVE))
    assert [p.number for p in curfew.guarded(iter([page(1), page(2)]), lambda: stopped.append(True))] == [1, 2]
    assert not curfew.is_over
    time.sleep(0.4)
    assert (stopped, curfew.is_over) == ([], True)


def test_another_fault_inside_the_window_stays_what_it_is() -> None:
    def failing() -> Iterator[Page]:
        yield page(1)
        raise SourceUnavailable("igate does not answer")

    with pytest.raises(SourceUnavailable, match="does not answer") as caught:
        list(Curfew(source(), HANOI, now=Clock(EVE)).guarded(failing(), lambda: None))
    assert caught.value.retryable
