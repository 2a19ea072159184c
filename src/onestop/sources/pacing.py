"""Keeping a source's rate limit: so many requests a second, however its clock cuts the seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

SLACK_SECONDS = 0.02  # for clocks that do not run quite alike


class Pace(AbstractContextManager[None]):
    """Lets a request begin only when the source cannot have seen too many within a second.

    A request reaches the source after it began and before it was over. So a request that begins a second after the
    fifth one before it was *over* is never the sixth within any second of the source's own, whatever the network
    does in between; counting from beginnings would not prove that.

    Args:
        requests: how many the source takes within `seconds`.
        sleep: waits that many seconds; may return early when nobody wants the answer any more.
        monotonic: the clock, in seconds.
    """

    def __init__(
        self,
        requests: int,
        *,
        sleep: Callable[[float], object],
        monotonic: Callable[[], float],
        seconds: float = 1.0,
    ) -> None:
        self._over: deque[float] = deque(maxlen=requests)
        self._span = seconds + SLACK_SECONDS
        self._sleep = sleep
        self._monotonic = monotonic

    @classmethod
    def of(
        cls, per_second: float | None, *, sleep: Callable[[float], object], monotonic: Callable[[], float]
    ) -> AbstractContextManager[None]:
        """Any rate: 2.5 a second is two within 0.8 s, 0.2 one within 5 s. None keeps none."""
        if per_second is None:
            return nullcontext()
        at_once = max(1, int(per_second))
        return cls(at_once, sleep=sleep, monotonic=monotonic, seconds=at_once / per_second)

    def __enter__(self) -> None:
        """Before a request: waits as long as needed."""
        if len(self._over) == self._over.maxlen:
            wait = self._over[0] + self._span - self._monotonic()
            if wait > 0:
                self._sleep(wait)

    def __exit__(self, *problem: object) -> None:
        """After a request, answered or not."""
        self._over.append(self._monotonic())
