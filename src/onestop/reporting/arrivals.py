"""How much of a running period is still to arrive: estimated from how late former days became known. Pure.

An event (a receipt, a result) has a day, and becomes known some days later. Of days old enough to be complete the share known
within k days is measured; what is known of a younger day is divided by the share of its age (the chain-ladder estimate of
claims reserving). How good that is, is measured too: the same estimate is made for former days, as it would have been made
then, and compared with what came. The older half of these trials gives the interval, the newer half shows how often it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

COMPLETE = 30  # days after which a day's events count as known
WINDOW = 60  # complete days from which the shares are measured
LEAST_TRIALS = 20
MOST_TRIALS = 120
TAIL = 0.05  # of the trials lie below the interval, and as many above


@dataclass(frozen=True, slots=True)
class Expected:
    """An estimate of a period's number so far: what is known, what it is likely to become, and how far that can be trusted.

    `coverage` is the share of `trials`, not used for the interval, in which the interval held what came.
    """

    measure: str
    known: int
    estimate: int
    lowest: int
    highest: int
    coverage: float
    trials: int

    @property
    def missing_share(self) -> float:
        """The share that is likely still to arrive."""
        return max(0.0, 1 - self.known / self.estimate) if self.estimate else 0.0


class Events:
    """Counts of events by day and by the number of days until they were known, looked at from any day."""

    def __init__(self, counts: Iterable[tuple[date, int, int]]) -> None:
        """counts: (day, days until known, events); a negative delay counts as known on the day."""
        self._days: dict[date, dict[int, int]] = {}
        for day, delay, events in counts:
            delays = self._days.setdefault(day, {})
            delays[max(delay, 0)] = delays.get(max(delay, 0), 0) + events
        self.first = min(self._days, default=date.max)

    def known(self, day: date, seen_on: date) -> int:
        """Events of a day that were known on another."""
        age = (seen_on - day).days
        return sum(events for delay, events in self._days.get(day, {}).items() if delay <= age)

    def shares(self, seen_on: date) -> Mapping[int, float] | None:
        """Days of age -> share known by then, as measured on that day; None where too few days were complete."""
        last = seen_on - timedelta(days=COMPLETE)
        first = last - timedelta(days=WINDOW - 1)
        if first < self.first:
            return None
        by_delay = [0] * (COMPLETE + 1)
        for offset in range(WINDOW):
            for delay, events in self._days.get(first + timedelta(days=offset), {}).items():
                if delay <= COMPLETE:
                    by_delay[delay] += events
        whole = sum(by_delay)
        if not whole:
            return None
        shares, so_far = {}, 0
        for age, events in enumerate(by_delay):
            so_far += events
            shares[age] = so_far / whole
        return shares

    def estimate(self, first: date, seen_on: date) -> float | None:
        """What the days first..seen_on are likely to hold, as estimated on seen_on; None where it cannot be."""
        shares = self.shares(seen_on)
        if shares is None:
            return None
        total = 0.0
        for age in range((seen_on - first).days + 1):
            known = self.known(seen_on - timedelta(days=age), seen_on)
            share = shares[min(age, COMPLETE)]
            if known and share:
                total += known / share
        return total


def expect(measure: str, events: Events, first: date, today: date) -> Expected | None:
    """The estimate for the days first..today; None where the past is too short to say how good it is.

    Args:
        measure: what is counted.
        events: of days whose delays are known, so none from before a source's first load.
        first: the period's first day.
        today: the last day of which anything can be known.
    """
    estimate = events.estimate(first, today)
    length = (today - first).days
    errors = []
    for back in range(COMPLETE, COMPLETE + MOST_TRIALS):
        then = today - timedelta(days=back)
        guess = events.estimate(then - timedelta(days=length), then)
        came = sum(events.known(then - timedelta(days=age), today) for age in range(length + 1))
        if guess:
            errors.append(came / guess)
    if estimate is None or len(errors) < LEAST_TRIALS:
        return None
    # In two halves by time: neighbouring days are alike, so every other one would be tested with itself.
    half = len(errors) // 2
    newer, older = errors[:half], sorted(errors[half:])
    low, high = _quantile(older, TAIL), _quantile(older, 1 - TAIL)
    known = sum(events.known(first + timedelta(days=d), today) for d in range(length + 1))
    return Expected(
        measure=measure,
        known=known,
        estimate=round(estimate),
        lowest=max(known, int(estimate * low)),
        highest=max(known, round(estimate * high + 0.5)),
        coverage=sum(low <= error <= high for error in newer) / half,
        trials=half,
    )


def _quantile(ordered: list[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
