"""Retries of requests to a source: which waits, how long, and when to give up.

A feed waits and retries for at most its budget; time spent on answers that came is never counted, so
that a long healthy feed is never cut.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import TypeVar

from onestop.errors import SourceUnavailable

T = TypeVar("T")
log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0
_RANDOM = SystemRandom()


class AttemptError(Exception):
    """One attempt failed in a way that another may not.

    Args:
        seen: what was seen, in words that may go into logs and messages.
        retry_after: seconds that the server asked to wait, if it did.
        login_page: a person's sign-in page (or a redirect to one) stood where data should be.
    """

    def __init__(self, seen: str, *, retry_after: float | None = None, login_page: bool = False) -> None:
        super().__init__(seen)
        self.seen = seen
        self.retry_after = retry_after
        self.login_page = login_page


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks to wait, in either of its forms; None when absent or malformed."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def date_of_answer(date: str | None, now: datetime) -> datetime:
    """The moment that an HTTP date in Retry-After counts from: the server's own Date, else this machine's clock."""
    try:
        moment = parsedate_to_datetime(date or "")
    except (ValueError, TypeError, OverflowError):
        return now
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Retries:
    """Runs attempts with exponential backoff and full jitter, inside one budget for a whole feed.

    Args:
        source_id: named in every message.
        budget_seconds: how long failed attempts and the waits between them may last in all.
        sleep: waits that many seconds; may return early when `stopped` is set.
        stopped: set by another thread when nobody wants the answer any more.
        jitter: draws a number between two bounds.
    """

    def __init__(
        self,
        source_id: str,
        budget_seconds: float,
        *,
        sleep: Callable[[float], object],
        stopped: threading.Event,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = _RANDOM.uniform,
    ) -> None:
        self._source_id = source_id
        self._budget = budget_seconds
        self._spent = 0.0
        self._sleep = sleep
        self._stopped = stopped
        self._monotonic = monotonic
        self._jitter = jitter

    def run(self, where: str, attempt: Callable[[], T]) -> T:
        """The result of the first attempt that raises no AttemptError; other exceptions pass through.

        Args:
            where: which request this is, for example "page 7".
            attempt: one try.

        Raises:
            SourceUnavailable: the budget is used up, or the feed was stopped.
        """
        tries = 0
        while True:
            self._check_wanted(where)
            started = self._monotonic()
            try:
                return attempt()
            except AttemptError as problem:
                tries += 1
                self._spent += self._monotonic() - started
                self._check_wanted(where)
                left = self._budget - self._spent
                if left <= 0:
                    raise self._given_up(where, problem, tries) from None
                wait = min(self._wait_after(problem, tries), left)
                log.warning("source %s, %s: %s; next try in %.1f s", self._source_id, where, problem.seen, wait)
            self._sleep(wait)
            self._spent += wait

    def _wait_after(self, problem: AttemptError, tries: int) -> float:
        if problem.retry_after:
            return problem.retry_after
        return self._jitter(0.0, min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(tries - 1, 16)))

    def _check_wanted(self, where: str) -> None:
        if self._stopped.is_set():
            raise SourceUnavailable(f"source {self._source_id}, {where}: the pull was stopped")

    def _given_up(self, where: str, problem: AttemptError, tries: int) -> SourceUnavailable:
        effort = (
            f"given up after {tries} {'try' if tries == 1 else 'tries'}, "
            f"the retry budget of {self._budget:g} s for this run being used up"
        )
        if problem.login_page:
            return SourceUnavailable(
                f"source {self._source_id}, {where}: answers a login page instead of data ({problem.seen}); {effort}",
                next_step="the base_url or the network's proxy leads to a sign-in page: correct base_url in "
                "province.yml, or have the proxy let this machine through to the source",
            )
        return SourceUnavailable(
            f"source {self._source_id}, {where}: last seen: {problem.seen}; {effort}",
            next_step="nothing of the warehouse was changed by this page: check that the source is up and reachable "
            "from here, then run again (a slow source: raise timeout_seconds or retry_budget_seconds)",
        )
