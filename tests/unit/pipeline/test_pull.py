from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from onestop.crypto import DataKeys
from onestop.errors import DataRefused, OnestopError, SourceUnavailable
from onestop.landing.store import LandingRun, LandingStore
from onestop.pipeline.pull import pull, replay
from onestop.sources.one_stop_api import Page, parse_page
from onestop.sources.paging import Feed


@pytest.fixture
def store(tmp_path: Path) -> LandingStore:
    return LandingStore(str(tmp_path / "landing"), DataKeys(["a key of more than sixteen characters"]))


@pytest.fixture
def run(store: LandingStore) -> LandingRun:
    return store.open_run("igate", "dossier", "run-1")


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert not [t for t in threading.enumerate() if t.name == "pull"]


def page(number: int) -> Page:
    records = [{"MaHoSo": f"{number}-{i}", "HoTen": "Nguyễn"} for i in range(number)]
    return Page(number, json.dumps({"data": records, "next_cursor": None}).encode(), records)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_pages_come_in_order_and_lie_in_landing_before_anyone_sees_them(run: LandingRun) -> None:
    seen = []
    for got in pull(map(page, range(1, 30)), run):
        landed = {p.number: p for p in run.pages()}
        assert run.read(landed[got.number]) == got.body and landed[got.number].records == len(got.records)
        seen.append(got)
    assert seen == list(map(page, range(1, 30)))


def test_replay_gives_the_same_pages_without_the_source(run: LandingRun, store: LandingStore) -> None:
    pulled = list(pull(map(page, range(1, 6)), run))
    run.close({})
    assert list(replay(store.run(run.path), parse_page)) == pulled


def test_replay_of_what_is_no_page_names_the_file(run: LandingRun) -> None:
    run.put(1, b'{"HoTen": "Nguyen"}')
    run.close({})
    with pytest.raises(DataRefused, match=r"run-1/page-000001\.zst\.enc is no page") as caught:
        list(replay(run, parse_page))
    assert "Nguyen" not in str(caught.value)


def test_pages_are_fetched_while_the_last_one_is_judged(run: LandingRun) -> None:
    third_is_made = threading.Event()

    def feed() -> Generator[Page, None, None]:
        yield page(1)
        yield page(2)
        third_is_made.set()
        yield page(3)

    with closing(pull(feed(), run)) as pages:
        next(pages)
        assert third_is_made.wait(5)  # nobody asked for the second yet
        assert [p.number for p in pages] == [2, 3]


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_than_a_few_pages_wait(run: LandingRun, ahead: int) -> None:
    made: list[int] = []

    def feed() -> Generator[Page, None, None]:
        for number in range(1, 100):
            made.append(number)
            yield page(number)

    with closing(pull(feed(), run, ahead)) as pages:
        for taken in range(1, 6):
            next(pages)
            wait_for(lambda: len(made) == taken + ahead)  # noqa: B023
        time.sleep(0.1)
        assert len(made) == 5 + ahead


def test_pages_do_not_stay_in_memory(run: LandingRun) -> None:
    class Watched(list):  # type: ignore[type-arg]
        pass

    alive: weakref.WeakSet[Watched] = weakref.WeakSet()
    Watched.__hash__ = object.__hash__  # type: ignore[method-assign,assignment]

    def feed() -> Generator[Page, None, None]:
        for number in range(1, 60):
            records = Watched([{"MaHoSo": "1"}])
            alive.add(records)
            yield Page(number, b"{}", records)
            del records

    most = 0
    for _ in pull(feed(), run, 2):
        most = max(most, len(alive))
    assert most <= 2 + 3


def test_a_failure_comes_at_its_place(run: LandingRun) -> None:
    def feed() -> Generator[Page, None, None]:
        yield page(1)
        yield page(2)
        raise SourceUnavailable("igate, page 3: gone")

    seen = []
    with pytest.raises(SourceUnavailable, match="page 3"):
        for got in pull(feed(), run):
            seen.append(got.number)
    assert seen == [1, 2] and [p.number for p in run.pages()] == [1, 2]


def test_a_page_that_cannot_be_landed_is_not_handed_on(run: LandingRun) -> None:
    run.put(2, b"something else")
    seen = []
    with pytest.raises(OnestopError, match="another content"):
        for got in pull(map(page, range(1, 9)), run):
            seen.append(got.number)
    assert seen == [1]


def test_leaving_early_ends_the_thread_and_closes_the_feed(run: LandingRun) -> None:
    closed_by: list[str] = []

    def feed() -> Generator[Page, None, None]:
        try:
            for number in range(1, 100):
                yield page(number)
        finally:
            closed_by.append(threading.current_thread().name)

    with pytest.raises(ZeroDivisionError), closing(pull(feed(), run)) as pages:
        for got in pages:
            _ = 1 // (got.number - 3)
    assert closed_by == ["pull"]
    assert len(run.pages()) < 15


def test_leaving_early_stops_a_feed_that_waits(run: LandingRun) -> None:
    waiting, stopped = threading.Event(), threading.Event()

    def endless_wait() -> Generator[Page, None, None]:
        yield page(1)
        waiting.set()
        stopped.wait(60)
        raise SourceUnavailable("stopped")

    with closing(pull(Feed(endless_wait(), stopped.set), run)) as pages:
        next(pages)
        assert waiting.wait(5)
    assert stopped.is_set()


def test_a_feed_that_is_never_read_is_never_started(run: LandingRun) -> None:
    started: list[int] = []

    def feed() -> Generator[Page, None, None]:
        started.append(1)
        yield page(1)

    pull(feed(), run).close()
    assert started == [] and run.pages() == []


def test_an_empty_feed(run: LandingRun) -> None:
    assert list(pull(iter(()), run)) == []
