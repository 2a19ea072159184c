"""What a measurement gives: a rate beside the reference that it is held against, in one run on one machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 3


@dataclass(frozen=True)
class Rate:
    """What was measured, how much a second (median of the rounds), and the same over the reference's."""

    what: str
    per_second: float
    of_reference: float


def against(reference: str, amount: float, seconds: dict[str, float]) -> list[Rate]:
    """Rates of everything measured, `reference` among it.

    Args:
        amount: how much each of them did. seconds: what -> how long it took.
    """
    base = seconds[reference]
    return [Rate(what, amount / taken, base / taken) for what, taken in seconds.items()]


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
