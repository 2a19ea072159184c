"""However long requests take on their way, a source never sees more of them in a second than it allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_one_stop import FakeTime
from onestop.sources.pacing import Pace


def test_a_few_requests_do_not_wait() -> None:
    clock = FakeTime()
    pace = Pace(5, sleep=clock.sleep, monotonic=clock.monotonic)
    for _ in range(5):
        with pace:
            clock.seconds += 0.01
    assert clock.waits == []
    with pace:
        assert len(clock.waits) == 1 and 0.95 < clock.waits[0] < 1.03


@given(st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 2)), min_size=6, max_size=60))
def test_no_second_of_the_source_holds_six(requests: list[tuple[float, float, float]]) -> None:
    clock = FakeTime()
    pace = Pace(5, sleep=clock.sleep, monotonic=clock.monotonic)
    seen = []
    for way_there, way_back, pause in requests:
        with pace:
            clock.seconds += way_there
            seen.append(clock.seconds)
            clock.seconds += way_back
        clock.seconds += pause if pause > 1 else 0
    assert all(later - earlier > 1 for earlier, later in zip(seen, seen[5:], strict=False))


def test_a_failed_request_counts_too() -> None:
    clock = FakeTime()
    pace = Pace(1, sleep=clock.sleep, monotonic=clock.monotonic)
    try:
        with pace:
            raise OSError
    except OSError:
        pass
    with pace:
        assert len(clock.waits) == 1


@pytest.mark.parametrize(("rate", "expected"), [(0.2, 5.0), (1, 1.0), (2.5, 0.4), (5, 0.2)])
def test_any_rate_is_kept_over_time(rate: float, expected: float) -> None:
    clock = FakeTime()
    pace = Pace.of(rate, sleep=clock.sleep, monotonic=clock.monotonic)
    begins = []
    for _ in range(41):
        with pace:
            begins.append(clock.seconds)
    mean = (begins[-1] - begins[0]) / 40
    assert expected <= mean < expected * 1.1


def test_without_a_rate_nobody_waits() -> None:
    clock = FakeTime()
    with Pace.of(None, sleep=clock.sleep, monotonic=clock.monotonic):
        pass
    assert clock.waits == []
