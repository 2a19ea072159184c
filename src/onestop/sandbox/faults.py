"""What real servers do wrong, on purpose and repeatably: which request meets which fault.

The faults are those of the contract's x-behaviour. A client that retries within reason ends with exactly the
records of the feed: no fault hits one request more often than `repeats` times.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

SHAPES = ("short_page", "empty_page", "page_twice", "page_overlap")
"""Answers that are right, but not what a naive client expects."""

ERRORS = (
    "token_expired",  # 401, and every token given out is void
    "too_many_seconds",  # 429 with Retry-After: 1
    "too_many_date",  # 429 with Retry-After: an HTTP date
    "error_500",
    "error_502",  # with an HTML body, as gateways send it
    "error_503",
    "body_truncated",  # Content-Length says more than is sent
    "json_cut",  # the length is right, the JSON ends in the middle
    "login_page",  # HTML under status 200
    "reset",  # the connection is reset before an answer
    "hang",  # nothing is answered for hang_seconds
)
KINDS = SHAPES + ERRORS


@dataclass(frozen=True)
class FaultPlan:
    """Which faults, how often, and how long they last.

    Args:
        seed: the same seed and the same requests meet the same faults.
        rate: share of distinct page requests that meet a fault, 0 to 1.
        kinds: the faults that are played, in turn, in an order drawn by the seed.
        repeats: how often one request meets its fault before it is answered.
        limit: how many requests meet a fault at most; None: no limit.
        hangs: how many of them are connections that never answer.
        retry_after_seconds: what a 429 asks for.
        hang_seconds: when a connection that never answers is closed.
        token_errors: how many requests for a token are answered 503 first.
        late_records: records of the feed's last 55 minutes that only appear after a first complete read. They
            change what that first read sees, so they are off by default.

    Raises:
        ValueError: a figure is out of its range or a kind does not exist.
    """

    seed: int = 1
    rate: float = 0.15
    kinds: tuple[str, ...] = KINDS
    repeats: int = 1
    limit: int | None = None
    hangs: int = 1
    retry_after_seconds: int = 1
    hang_seconds: float = 60.0
    token_errors: int = 1
    late_records: int = 0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise ValueError(f"no such fault: {', '.join(unknown)}; choose from {', '.join(KINDS)}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a share from 0 to 1, not {self.rate}")
        for name in (
            "repeats",
            "limit",
            "hangs",
            "retry_after_seconds",
            "hang_seconds",
            "token_errors",
            "late_records",
        ):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} is not below 0")


@dataclass
class FaultPlayer:
    """A plan being played: remembers which requests have met their fault. Safe for several threads."""

    plan: FaultPlan
    _seen: set[str] = field(default_factory=set)
    _pending: dict[str, tuple[str, int]] = field(default_factory=dict)
    _deck: list[str] = field(default_factory=list)
    _played: int = 0
    _hangs: int = 0
    _token_errors: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.plan.seed)  # noqa: S311

    def for_page(self, request: str, *, asked_again: bool) -> str | None:
        """The fault that this page request meets now, if any.

        Args:
            request: what identifies the request: its query.
            asked_again: its cursor came from a page_twice or an empty_page, which are not played on it once more.
        """
        with self._lock:
            kind, left = self._pending.pop(request, ("", 0))
            if left:
                self._pending[request] = (kind, left - 1)
                return kind
            if request in self._seen:
                return None
            self._seen.add(request)
            exhausted = self.plan.limit is not None and self._played >= self.plan.limit
            if self._random.random() >= self.plan.rate or exhausted:
                return None
            drawn = self._draw()
            if drawn is None or (asked_again and drawn in ("page_twice", "empty_page")) or self.plan.repeats == 0:
                return None
            self._played += 1
            if drawn in ERRORS:
                self._pending[request] = (drawn, self.plan.repeats - 1)
            return drawn

    def for_token(self) -> bool:
        """Whether this request for a token is answered 503."""
        with self._lock:
            self._token_errors += 1
            return self._token_errors <= self.plan.token_errors

    def _draw(self) -> str | None:
        if not self._deck:
            self._deck = [k for k in self.plan.kinds if k != "hang" or self._hangs < self.plan.hangs]
            self._random.shuffle(self._deck)
        if not self._deck:
            return None
        kind = self._deck.pop()
        self._hangs += kind == "hang"
        return kind
