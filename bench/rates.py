"""What a measurement gives: a rate beside the reference that it is held against, in one run on one machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 3


@dataclass(frozen=True)
class Rate:
    """What was measured, how much a second (median of the rounds), and the same over the reference's.

    of_bare: over that of another reference, which does less.
    """

    what: str
    per_second: float
    of_reference: float
    of_bare: float | None = None


def against(reference: str, amount: float, seconds: dict[str, float], *, bare: str | None = None) -> list[Rate]:
    """Rates of everything measured, the references among it.

    Args:
        amount: how much each of them did. seconds: what -> how long it took. bare: a second reference.
    """
    return [
        Rate(what, amount / taken, seconds[reference] / taken, seconds[bare] / taken if bare else None)
        for what, taken in seconds.items()
    ]


def median(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds that `run` takes."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def median_of(run: Callable[[], float], rounds: int = ROUNDS) -> float:
    """Seconds as `run` says them, where it does more than what is measured."""
    return statistics.median(run() for _ in range(rounds))
