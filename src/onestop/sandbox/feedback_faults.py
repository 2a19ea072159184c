"""What a real feedback system does wrong, on purpose and repeatably: which request meets which fault."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field

KINDS = (
    "error_body",  # status 200 with {"error": ...}
    "too_many_seconds",  # 429 with Retry-After: seconds
    "too_many_date",  # 429 with Retry-After: an HTTP date
    "error_500",
    "error_502",  # with an HTML body, as gateways send it
    "error_503",
    "json_cut",  # the length is right, the JSON ends in the middle
    "body_truncated",  # Content-Length says more than is sent
    "login_page",  # HTML under status 200
    "other_page",  # the page before the one that was asked for
    "reset",  # the connection is reset before an answer
    "hang",  # nothing is answered for hang_seconds
)


@dataclass(frozen=True)
class FeedbackFaults:
    """Which faults, and how often. A request that met one is answered well when it is made again.

    Args:
        seed: the same seed and the same requests meet the same faults.
        rate: share of requests that meet a fault, 0 to 1.
        kinds: the faults that are played, in turn, in an order drawn by the seed.
        retry_after_seconds: what a 429 asks for.
        hang_seconds: when a connection that never answers is closed.

    Raises:
        ValueError: a figure is out of its range or a kind does not exist.
    """

    seed: int = 1
    rate: float = 0.3
    kinds: tuple[str, ...] = KINDS
    retry_after_seconds: int = 1
    hang_seconds: float = 60.0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise ValueError(f"no such fault: {', '.join(unknown)}; choose from {', '.join(KINDS)}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is a share from 0 to 1, not {self.rate}")
        if self.retry_after_seconds < 0 or self.hang_seconds < 0:
            raise ValueError("retry_after_seconds and hang_seconds are not below 0")


@dataclass
class FeedbackFaultPlayer:
    """Faults being played. Safe for several threads."""

    plan: FeedbackFaults
    _failed: str | None = None
    _deck: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.plan.seed)  # noqa: S311

    def for_request(self, query: str) -> str | None:
        """The fault that this request meets now, if any; never the same request twice in a row."""
        with self._lock:
            if query == self._failed or not self.plan.kinds or self._random.random() >= self.plan.rate:
                self._failed = None
                return None
            self._failed = query
            if not self._deck:
                self._deck = list(self.plan.kinds)
                self._random.shuffle(self._deck)
            return self._deck.pop()
