from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fake_one_stop import FakeTime
from onestop.errors import SourceUnavailable
from onestop.sources.retries import AttemptError, Retries, date_of_answer, retry_after_seconds

NOW = datetime(2024, 9, 25, 1, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 0 ", 0.0),
        ("9" * 5000, float("inf")),
        ("Wed, 25 Sep 2024 01:01:30 GMT", 90.0),
        ("Wednesday, 25-Sep-24 01:01:30 GMT", 90.0),
        ("Wed Sep 25 01:01:30 2024", 90.0),
        ("Wed, 25 Sep 2024 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("1.5", None),
        ("٣", None),
        ("Wed, 99 Sep 2024 01:01:30 GMT", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


def test_an_http_date_counts_from_the_servers_own_clock() -> None:
    assert date_of_answer("Wed, 25 Sep 2024 09:00:00 GMT", NOW) == NOW.replace(hour=9)
    assert date_of_answer(None, NOW) == date_of_answer("yesterday", NOW) == NOW


def retries(time: FakeTime, budget: float = 300, **options: object) -> Retries:
    return Retries(
        "igate",
        budget,
        sleep=time.sleep,
        monotonic=time.monotonic,
        stopped=options.pop("stopped", threading.Event()),
        jitter=lambda low, high: high,
        **options,
    )


def failing(times: int, **fault: object) -> Callable[[], str]:
    left = iter(range(times))

    def attempt() -> str:
        if next(left, None) is None:
            return "page"
        raise AttemptError("status 503", **fault)

    return attempt


def test_waits_grow_to_a_limit_and_are_drawn_from_zero_up(fake_time: FakeTime) -> None:
    assert retries(fake_time).run("page 1", failing(9)) == "page"
    assert fake_time.waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    bounds: list[tuple[float, float]] = []
    run = Retries(
        "igate",
        300,
        sleep=fake_time.sleep,
        monotonic=fake_time.monotonic,
        stopped=threading.Event(),
        jitter=lambda low, high: bounds.append((low, high)) or 0.0,
    )
    run.run("page 1", failing(3))
    assert bounds == [(0, 0.5), (0, 1), (0, 2)]


def test_the_servers_wish_replaces_the_own_wait(fake_time: FakeTime) -> None:
    retries(fake_time).run("page 1", failing(2, retry_after=17.0))
    retries(fake_time).run("page 1", failing(1, retry_after=0.0))  # no hammering
    assert fake_time.waits == [17, 17, 0.5]


def test_a_wish_longer_than_the_budget_is_capped_and_tried_once_more(fake_time: FakeTime) -> None:
    run = retries(fake_time, 100)
    with pytest.raises(SourceUnavailable, match=r"igate, page 3: last seen: status 503; given up after 2 tries"):
        run.run("page 3", failing(99, retry_after=float("inf")))
    assert fake_time.waits == [100]


def test_the_budget_is_one_for_the_whole_feed(fake_time: FakeTime) -> None:
    run = retries(fake_time, 100)
    run.run("page 1", failing(1, retry_after=60.0))
    with pytest.raises(SourceUnavailable, match="page 2"):
        run.run("page 2", failing(99, retry_after=60.0))
    assert fake_time.waits == [60, 40]


def test_failed_attempts_count_and_good_ones_do_not(fake_time: FakeTime) -> None:
    run = retries(fake_time, 100)

    def slow(fails: bool) -> str:
        fake_time.seconds += 70
        if fails:
            raise AttemptError("no answer")
        return "page"

    for _ in range(10):
        assert run.run("page", lambda: slow(fails=False)) == "page"
    with pytest.raises(SourceUnavailable):
        run.run("page", lambda: slow(fails=True))
    assert fake_time.waits == [0.5]  # 70 + 0.5 + 70 > 100


def test_no_budget_is_no_second_try(fake_time: FakeTime) -> None:
    with pytest.raises(SourceUnavailable, match="after 1 try"):
        retries(fake_time, 0).run("page 1", failing(1))
    assert fake_time.waits == []


def test_other_exceptions_pass(fake_time: FakeTime) -> None:
    with pytest.raises(ZeroDivisionError):
        retries(fake_time).run("page 1", lambda: 1 // 0)  # type: ignore[arg-type,return-value]
    assert fake_time.waits == []


def test_once_stopped_nothing_is_tried(fake_time: FakeTime) -> None:
    stopped = threading.Event()
    run = retries(fake_time, stopped=stopped)
    tried: list[int] = []

    def attempt() -> str:
        tried.append(1)
        stopped.set()
        raise AttemptError("status 503")

    with pytest.raises(SourceUnavailable, match="stopped"):
        run.run("page 1", attempt)
    with pytest.raises(SourceUnavailable, match="stopped"):
        run.run("page 2", attempt)
    assert (tried, fake_time.waits) == ([1], [])
