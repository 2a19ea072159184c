"""From a source into landing, pages ahead of whoever judges them; and the same pages again from landing.

A page is in landing before anyone sees it, so that whatever happens afterwards can be done again
without the source.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from onestop.errors import DataRefused
from onestop.landing.store import LandingRun
from onestop.sources.one_stop_api import Page
from onestop.sources.paging import Feed, ForeignBodyError

JOIN_SECONDS = 10.0
Parser = Callable[[bytes], tuple[list[Any], Any]]
"""Reads a page's body: its records, and where the feed goes on."""


@dataclass(frozen=True, slots=True)
class _End:
    problem: BaseException | None


def pull(feed: Iterator[Page], run: LandingRun, ahead: int = 4) -> Generator[Page, None, None]:
    """The pages of a feed, landed before they are handed on, fetched by a thread while the last one is judged.

    Close the generator (contextlib.closing) to end the thread early: a Feed is stopped in the middle of a
    request or a wait, another iterator ends with the page that it is making.

    Args:
        feed: the source's pages; only the thread reads it and closes it.
        run: where they are landed; closing it is left to the caller, who knows what became of the pages.
        ahead: how many landed pages may wait.

    Raises:
        whatever the feed or landing raised, after the pages that came before it.
    """
    ready: queue.SimpleQueue[Page | _End] = queue.SimpleQueue()
    room = threading.Semaphore(ahead)
    left = threading.Event()
    thread = threading.Thread(target=_fetch, args=(feed, run, ready, room, left), name="pull", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.problem is not None:
                    raise item.problem
                return
            room.release()
            yield item
            del item  # the consumer alone decides how long a page lives
    finally:
        left.set()
        room.release()
        if isinstance(feed, Feed) and thread.is_alive():
            feed.stop()
        thread.join(JOIN_SECONDS)


def _fetch(
    feed: Iterator[Page],
    run: LandingRun,
    ready: queue.SimpleQueue[Page | _End],
    room: threading.Semaphore,
    left: threading.Event,
) -> None:
    problem: BaseException | None = None
    try:
        while True:
            room.acquire()
            if left.is_set():
                break
            page = next(feed, None)
            if page is None or left.is_set():
                break
            run.put(page.number, page.body, records=len(page.records))
            ready.put(page)
            del page
    except BaseException as raised:
        problem = raised
    finally:
        try:
            if isinstance(feed, Feed | Generator):
                feed.close()
        finally:
            ready.put(_End(problem))


def replay(run: LandingRun, parse: Parser) -> Generator[Page, None, None]:
    """The same pages as `pull` gave, from landing, one in memory at a time.

    Args:
        run: a closed run (`LandingStore.run`).
        parse: reads a landed body, as the connector of its source did.

    Raises:
        DataRefused: a file is missing, changed, or no page of this kind of feed.
    """
    for landed in run.pages():
        body = run.read(landed)
        try:
            records, *_ = parse(body)
        except ForeignBodyError as problem:
            raise DataRefused(
                f"{run.path}/{landed.name} is no page of this feed: {problem}",
                next_step="pull the data from the source again",
            ) from None
        yield Page(landed.number, body, records)
