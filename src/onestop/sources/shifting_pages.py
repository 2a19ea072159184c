"""Numbered pages of a list that changes while it is read, so that nothing is lost. No network here.

A list is served newest first, in pages `page`, `page_size`. Between any two requests cases may be created (every
later page shifts down: records come twice), changed (one leaves its place for the top: unread, it would be missed)
or withdrawn (every later page shifts up: the one that slips over a border would be missed). Plain paging cannot see
the last two, and no number of equal re-reads of a border proves that nothing slipped: a withdrawal and a creation
together leave a page looking as before.

**Slices that straddle.** Each request after the first asks for a `page_size` (a little smaller than the largest, so
that page x page_size lies just before the last slice's end) with which the new slice takes in some records of what
was read. Only a slice that holds a record read before is *connected*; another one is asked again further up, twice
as far each time, in the end from the top. A record is known by its code and its time of change, so that one found
again has not moved since: untouched records keep their order. Then, in every connected slice:

    every untouched record that was not read yet lies, in the list's order, after all untouched records read so far.

It holds for the first slice, which begins at the top. A connected slice is read at one moment, without gaps, and
holds a record r read before; an unread record lies after r, so it is in the slice or behind its end. When a
connected slice reaches the end of the list nothing unread is left: *a pass is complete for all that was not touched
during it*, whatever was created, changed or withdrawn, and whether the list is ordered by change or by creation.

**What was touched meanwhile** has a time of change not before the newest one seen as the pass began: the next pass
asks for cases changed since then. It is short, and so on, until a pass is one page: that answer shows, at one
moment, all that could have been missed. (Or until a pass brings nothing new, where more cases than a page holds bear
one time of change. What changes during that last pass is as young as the pass itself: the next run's overlap has it.)

**Servers with pages of their own size**, whatever is asked, cannot be straddled: they are read page by page, and
again from the top until a whole pass finds nothing that the one before missed.

Requests are bounded: a slice that is not connected goes back, at most to the top, in a logarithmic number of steps,
and a read that needs many times the requests of a quiet one ends with an error instead of half a list.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import timedelta

import orjson

from onestop.clock import shift_stamp
from onestop.errors import SourceUnavailable
from onestop.sources.paging import Record

SMALLEST_PAGE_SIZE = 20
"""From here on, every position among the first million has a slice, of half this size or more, that straddles it."""
SPARE_REQUESTS = 60
REQUESTS_PER_PAGE = 4


@dataclass(frozen=True, slots=True)
class Slice:
    """One answer: its body as received, its records, which page it is of how many of the size asked for."""

    body: bytes
    records: list[Record]
    page: int
    pages: int


Ask = Callable[[str, int, int], Slice]
"""(changed since, page, page_size) -> the answer."""


@dataclass(slots=True)
class _Pass:
    """What one pass found: the newest time of change as it began, and records that no pass before had."""

    newest: str | None = None
    is_one_page: bool = False
    news: int = 0
    missed: int = 0


class ShiftingPages:
    """One complete read of a list that may change meanwhile.

    Args:
        source_id: named in errors.
        ask: gets one page.
        since_of: turns 14 digits of local time into what `ask` takes as its first argument.
        stamp_of: a record's time of change as 14 digits; None where it has none that can be relied on.
        key_of: what knows a version of a case: its code and time of change as delivered; None where one is missing.
        page_size: the largest that may be asked for; at least SMALLEST_PAGE_SIZE.
    """

    def __init__(
        self,
        source_id: str,
        ask: Ask,
        *,
        since_of: Callable[[str], str],
        stamp_of: Callable[[Record], str | None],
        key_of: Callable[[Record], tuple[str, str] | None],
        page_size: int,
    ) -> None:
        if page_size < SMALLEST_PAGE_SIZE:
            raise ValueError(f"pages of less than {SMALLEST_PAGE_SIZE} records cannot be made to overlap")
        self._source_id = source_id
        self._ask = ask
        self._since_of = since_of
        self._stamp_of = stamp_of
        self._key_of = key_of
        self._size = page_size
        self._margin = max(1, page_size // 20)
        self._seen: set[int] = set()
        self._has_own_size = False
        self._requests = 0
        self._allowed = SPARE_REQUESTS

    def read(self, since: str) -> Generator[Slice, None, None]:
        """The answers, in the order in which they came; records come more than once.

        Args:
            since: as `ask` takes it.

        Raises:
            SourceUnavailable: the list goes round, or changes faster than it can be read.
        """
        found = yield from self._pass(since)
        if found.is_one_page:
            return
        newest = found.newest
        while self._has_own_size and (yield from self._pass(since, newest)).missed:
            pass
        while True:
            if newest is not None:
                # A second earlier: times of change are compared in whole seconds here, perhaps in finer ones there.
                since = self._since_of(shift_stamp(newest, timedelta(seconds=-1)))
            found = yield from self._pass(since)
            if found.is_one_page or not found.news:
                return
            newest = found.newest

    def _pass(self, since: str, newest_before: str | None = None) -> Generator[Slice, None, _Pass]:
        """Once from the top to the end; `newest_before`: what was changed later is not counted as missed."""
        found: _Pass | None = None
        covered: set[int] = set()
        page, size, end, margin = 1, self._size, 0, self._margin
        while True:
            answer = self._asked(since, page, size)
            yield answer
            marks = [self._mark(record) for record in answer.records]
            if found is None:
                stamps = [stamp for record in answer.records if (stamp := self._stamp_of(record))]
                found = _Pass(newest=max(stamps, default=None), is_one_page=answer.pages <= 1)
                self._has_own_size |= not found.is_one_page and len(marks) != size
            self._count(found, answer.records, marks, newest_before)
            if len(marks) > size and not self._has_own_size:
                self._has_own_size, page, size = True, 1, self._size
                covered.clear()
                continue

            connected = self._has_own_size or answer.page == 1 or not covered.isdisjoint(marks)
            if connected and answer.page >= answer.pages:
                return found
            if connected:
                covered.update(marks)
                end, margin = answer.page * size, self._margin
            else:
                margin *= 2
            page, size = (answer.page + 1, self._size) if self._has_own_size else straddling(end, margin, self._size)

    def _asked(self, since: str, page: int, size: int) -> Slice:
        if self._requests >= self._allowed:
            raise SourceUnavailable(
                f"source {self._source_id}: the list of cases changes faster than it can be read, or goes round: "
                f"after {self._requests} requests it has not been seen whole",
                next_step="run again at a quieter hour; if it stays so, tell the source's operator",
            )
        self._requests += 1
        answer = self._ask(since, page, size)
        if self._requests == 1:  # later answers do not count: a list that grows as fast as it is read has no end
            self._allowed += REQUESTS_PER_PAGE * answer.pages
        return answer

    def _count(self, found: _Pass, records: list[Record], marks: list[int], newest_before: str | None) -> None:
        for record, mark in zip(records, marks, strict=True):
            if mark in self._seen:
                continue
            self._seen.add(mark)
            found.news += 1
            if newest_before is not None:
                stamp = self._stamp_of(record)
                found.missed += stamp is None or stamp < newest_before

    def _mark(self, record: Record) -> int:
        return hash(self._key_of(record) or orjson.dumps(record, option=orjson.OPT_SORT_KEYS))


def straddling(end: int, margin: int, largest: int) -> tuple[int, int]:
    """The page and page size whose slice reaches furthest, of those that begin at least `margin` before `end`.

    Args:
        end: how many records, from the top, were read.
        margin: how many of them the slice must take in, if they have not moved.
        largest: the largest page size.
    """
    begins = max(0, end - margin)
    _, size = max((begins // size * size + size, size) for size in range((largest + 1) // 2, largest + 1))
    return begins // size + 1, size
