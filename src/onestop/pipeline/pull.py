"""From a source into landing, pages ahead of whoever judges them; and the same pages again from landing.

A page is in landing before anyone sees it, so that whatever happens afterwards can be done again
without the source.
"""

from __future__ import annotations

import atexit
import queue
import threading
import time
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
    """The pages of a feed, landed before they are handed on. While one is judged the next ones are on their way: one
    thread asks the source, another lands what came, so that the source does not wait for the disk.

    Close the generator (contextlib.closing) to end the threads early: a Feed is stopped in the middle of a
    request or a wait, another iterator ends with the page that it is making.

    Args:
        feed: the source's pages; only one thread reads it and closes it.
        run: where they are landed; closing it is left to the caller, who knows what became of the pages.
        ahead: how many pages may be fetched and not yet taken.

    Raises:
        whatever the feed or landing raised, after the pages that came before it.
    """
    way = _Way(feed, run, threading.Semaphore(ahead))
    atexit.register(way.end)  # a generator that nobody closed must not outlive the interpreter's threads
    try:
        way.begin()
        while True:
            item = way.ready.get()
            if isinstance(item, _End):
                if item.problem is not None:
                    raise item.problem
                return
            way.room.release()
            yield item
            del item  # the consumer alone decides how long a page lives
    finally:
        way.end()
        atexit.unregister(way.end)


class _Way:
    """Of pages from a feed to landing to whoever takes them from `ready`, which ends with an _End."""

    def __init__(self, feed: Iterator[Page], run: LandingRun, room: threading.Semaphore) -> None:
        self.ready: queue.SimpleQueue[Page | _End] = queue.SimpleQueue()
        self.room = room
        self._feed = feed
        self._run = run
        self._fetched: queue.SimpleQueue[Page | _End] = queue.SimpleQueue()
        self._left = threading.Event()
        self._ended = False
        self._threads = [threading.Thread(target=work, name="pull", daemon=True) for work in (self._fetch, self._land)]

    def begin(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """No more is wanted: wait for the threads, but no longer than JOIN_SECONDS in all, and only once."""
        if self._ended:
            return
        self._ended = True
        self._leave()
        until = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _leave(self) -> None:
        self._left.set()
        self.room.release()
        self._fetched.put(_End(None))  # a request that hangs is not waited for by the other thread, too
        if isinstance(self._feed, Feed) and self._threads[0].is_alive():
            self._feed.stop()

    def _fetch(self) -> None:
        problem: BaseException | None = None
        try:
            while True:
                self.room.acquire()
                if self._left.is_set():
                    break
                page = next(self._feed, None)
                if page is None or self._left.is_set():
                    break
                self._fetched.put(page)
                del page
        except BaseException as raised:
            problem = raised
        finally:
            try:
                if isinstance(self._feed, Feed | Generator):
                    self._feed.close()
            finally:
                self._fetched.put(_End(problem))

    def _land(self) -> None:
        while not isinstance(page := self._fetched.get(), _End):
            if self._left.is_set():
                continue  # whoever wanted it is gone
            try:
                self._run.put(page.number, page.body, records=len(page.records))
            except BaseException as problem:
                self.ready.put(_End(problem))
                self._leave()
            else:
                self.ready.put(page)
            del page
        self.ready.put(page)


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
