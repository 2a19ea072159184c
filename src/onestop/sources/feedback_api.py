"""The connector of the feedback system over HTTP: an API key, a rate limit, numbered pages that shift while read.

It yields pages as received; it judges no record. How nothing is lost is told in onestop.sources.shifting_pages. A
page here is one answer: records come in more than one of them, and an unchanged one is a duplicate to the loader.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from onestop.clock import system_now
from onestop.errors import ConfigurationError, SourceUnavailable
from onestop.sources.feedback_record import changed_since, local_stamp, normalise
from onestop.sources.http import HttpClient, Reply
from onestop.sources.pacing import Pace
from onestop.sources.paging import Feed, ForeignBodyError, Page, Record
from onestop.sources.paging import decode as decode_json
from onestop.sources.retries import Retries
from onestop.sources.shifting_pages import SMALLEST_PAGE_SIZE, ShiftingPages, Slice

__all__ = ["FeedbackApi", "Page", "changed_since", "normalise", "parse_page"]

LARGEST_PAGE_SIZE = 200
REQUESTS_PER_SECOND = 5
FIRST_STAMP = "19700101000000"
PATH = "/api/feedback"
_KEY_REFUSED = re.compile(
    r"unauthori[sz]ed|unauthenticated|forbidden|not authori[sz]ed|access denied|api[-_ ]?key|\b40[13]\b"
    r"|xác thực|không có quyền|khóa truy cập",
    re.IGNORECASE,
)
_TOO_FAST = re.compile(r"\brate\b|limit|quota|too many|thrott|quá nhiều|quá giới hạn", re.IGNORECASE)


class Place(NamedTuple):
    """Which page an answer says it is, of how many."""

    page: int
    pages: int


class _KeyRefusedError(ForeignBodyError):
    """Status 200 with an error that speaks of the key."""


def parse_page(body: bytes) -> tuple[list[Record], Place]:
    """The records of an answer, and which page it says it is.

    Lone surrogates in texts, which no database stores, become U+FFFD.

    Raises:
        ForeignBodyError: not JSON, an error under status 200, JSON of another shape, or figures that contradict
            each other.
    """
    content = decode_json(body)
    if not isinstance(content, dict):
        raise ForeignBodyError("no JSON object")
    if content.get("error"):
        # What the error says is not repeated: it may quote a case.
        said = str(content["error"])
        if _KEY_REFUSED.search(said) and not _TOO_FAST.search(said):
            raise _KeyRefusedError("an error about the key")
        raise ForeignBodyError("an error instead of a page")
    missing = [name for name in ("items", "page", "pages") if name not in content]
    if missing:
        raise ForeignBodyError(f"{', '.join(missing)} is missing")
    records, page, pages = content["items"], content["page"], content["pages"]
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise ForeignBodyError("items is no list of objects")
    if not _is_count(page) or not _is_count(pages) or page < 1:
        raise ForeignBodyError("page or pages is no whole number")
    if records and page > pages:
        raise ForeignBodyError(f"page {page} of {pages} holds records")
    if not records and page < pages:
        raise ForeignBodyError(f"page {page} of {pages} is empty")
    return records, Place(page, pages)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True, slots=True)
class _Line:
    """What one read sends its requests through."""

    http: HttpClient
    retries: Retries


class FeedbackApi:
    """Reads one source of the kind feedback_api.

    Args:
        source_id, base_url: as in province.yml.
        api_key: the value of <credentials>_API_KEY; it appears in no message.
        credentials: the first part of that variable's name.
        zone: the province's; times without an offset are its local times.
        page_size: the largest page asked for, 20 to 200.
        requests_per_second: the source's rate limit; None: it has none.
        timeout_seconds: for each connect, read and write.
        retry_budget_seconds: how long failed attempts and the waits between them may last in a whole read.
        sleep: waits that many seconds; by default a wait that `Feed.stop` ends.
        now: the clock that an HTTP date in Retry-After is compared with.
        monotonic: measures how long tries last, and the pace.

    Raises:
        ConfigurationError: page_size is out of its range, or the key cannot be sent.
    """

    def __init__(
        self,
        source_id: str,
        base_url: str,
        api_key: str,
        *,
        credentials: str,
        zone: ZoneInfo,
        page_size: int = LARGEST_PAGE_SIZE,
        requests_per_second: float | None = REQUESTS_PER_SECOND,
        timeout_seconds: float = 30.0,
        retry_budget_seconds: float = 300.0,
        sleep: Callable[[float], object] | None = None,
        now: Callable[[], datetime] = system_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not SMALLEST_PAGE_SIZE <= page_size <= LARGEST_PAGE_SIZE:
            raise ConfigurationError(
                f"source {source_id}: page_size is {page_size}",
                next_step=f"set it from {SMALLEST_PAGE_SIZE} to {LARGEST_PAGE_SIZE} in province.yml",
            )
        self._source_id = source_id
        self._base_url = base_url
        self._variable = f"{credentials}_API_KEY"
        if not api_key or not api_key.isascii() or not api_key.isprintable() or api_key != api_key.strip():
            raise ConfigurationError(
                f"source {source_id}: {self._variable} is empty or holds characters that no key has",
                next_step=f"set {self._variable} to the key exactly as the source's operator gave it out",
            )
        self._headers = {"X-API-Key": api_key}
        self._zone = zone
        self._page_size = page_size
        self._rate = requests_per_second
        self._timeout = timeout_seconds
        self._budget = retry_budget_seconds
        self._sleep = sleep
        self._now = now
        self._monotonic = monotonic

    def pages(self, changed_since: str, until: str) -> Feed:
        """Every case whose NgayCapNhat is not before `changed_since`, whatever happens to the list meanwhile.

        Page numbers count answers. Memory holds one page, and 8 bytes for each version of a case.

        Args:
            changed_since: ISO 8601, as the function of that name makes it.
            until: 14 digits of local time; what changed later than that is served too, but no time to go by.

        Raises:
            ConfigurationError: base_url is none; while reading: the source refuses the key or the very first request.
            SourceUnavailable: while reading: the retry budget is used up, the list goes round, or it broke off in a
                way that asking again does not change.
        """
        stopped = threading.Event()
        http = HttpClient(
            self._source_id,
            self._base_url,
            timeout_seconds=self._timeout,
            now=self._now,
            pace=Pace.of(self._rate, sleep=self._sleep or stopped.wait, monotonic=self._monotonic),
        )

        def stop() -> None:
            stopped.set()
            http.abort()

        return Feed(self._pages(http, stopped, changed_since, until), stop)

    def _pages(self, http: HttpClient, stopped: threading.Event, since: str, until: str) -> Generator[Page, None, None]:
        sleep = self._sleep or stopped.wait
        line = _Line(
            http,
            Retries(self._source_id, self._budget, sleep=sleep, stopped=stopped, monotonic=self._monotonic),
        )
        answered = 0

        def ask(since: str, page: int, size: int) -> Slice:
            where = f"page {page}"
            return line.retries.run(where, lambda: self._ask(line, where, since, page, size, first=answered == 0))

        def stamp_of(record: Record) -> str | None:
            text = record.get("NgayCapNhat")
            stamp = local_stamp(text, self._zone) if isinstance(text, str) else None
            return stamp if stamp and FIRST_STAMP <= stamp <= until else None

        shifting = ShiftingPages(
            self._source_id,
            ask,
            since_of=lambda stamp: changed_since(stamp, self._zone),
            stamp_of=stamp_of,
            key_of=_key_of,
            page_size=self._page_size,
        )
        try:
            for answer in shifting.read(since):
                answered += 1
                yield Page(answered, answer.body, answer.records)
                del answer  # the consumer alone decides how long it lives
        finally:
            http.close()

    def _ask(self, line: _Line, where: str, since: str, page: int, size: int, *, first: bool) -> Slice:
        params: dict[str, str | int] = {"changed_since": since, "page": page, "page_size": size}
        reply = line.http.send(where, "GET", PATH, params=params, headers=self._headers)
        if reply.status in (401, 403):
            raise self._key_refused(where, f"status {reply.status}")
        if reply.status != 200:
            raise self._refused(where, reply, first=first)
        try:
            records, place = parse_page(reply.body)
        except _KeyRefusedError as problem:
            raise self._key_refused(where, f"status 200 with {problem}") from None
        except ForeignBodyError as problem:
            raise reply.foreign(str(problem)) from None
        if place.page != page and not place.page == place.pages < page:
            raise reply.foreign(f"page {place.page} came where page {page} was asked for")
        return Slice(reply.body, records, *place)

    def _key_refused(self, where: str, seen: str) -> ConfigurationError:
        return ConfigurationError(
            f"source {self._source_id}, {where}: refuses the API key ({seen})",
            next_step=f"check {self._variable}: set it to what the source's operator gave out, and ask there whether "
            "that key may read the cases",
        )

    def _refused(self, where: str, reply: Reply, *, first: bool) -> ConfigurationError | SourceUnavailable:
        message = f"source {self._source_id}, {where}: refused, {reply.seen}"
        if first:
            return ConfigurationError(
                message,
                next_step="check base_url and page_size: the system there does not answer as a feedback_api source",
            )
        # The same settings served the page before, so that it is not for the configuration to change.
        return SourceUnavailable(message, next_step="run again; if it stays so, tell the source's operator")


def _key_of(record: Record) -> tuple[str, str] | None:
    code, changed = record.get("MaPAKN"), record.get("NgayCapNhat")
    return (code, changed) if isinstance(code, str) and code and isinstance(changed, str) and changed else None
