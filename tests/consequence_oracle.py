"""The bounds of figures by brute force: every uncertain dossier in every state that what is known of it allows, every
combination of them, and the lowest and highest figure of all these worlds. Written from the rules of counting alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import product
from typing import Any

Pair = tuple[int, int]
NOTHING: Pair = (0, 0)
ASKED_WHEN = {
    "intake_8h_rate": "new", "full_online_rate": "new", "online_payment_rate": "done",
    "dossier_satisfaction_rate": "done", "portal_sync_rate": "shown", "portal_agreement_rate": "shown",
}  # fmt: skip


@dataclass(frozen=True)
class State:
    """A dossier as it could be, as far as the metrics ask. `flag`: what the numerator asks for; `asked`: what puts it in
    a denominator, where that is more than its dates."""

    received: date = date(2024, 8, 23)
    finished: date | None = None
    status: int = 4
    channel: int = 2
    due: date | None = None
    is_suspended: bool = False
    is_portal: bool = False
    flag: bool = False
    asked: bool = False
    own: Mapping[str, Pair] = field(default_factory=dict, hash=False, compare=False)
    """Of a dossier that counts: what its cells say, by metric."""

    def contributions(self, first: date, last: date) -> dict[str, Pair]:
        """What it brings to numerator and denominator of every metric in a period; a count's denominator is 0."""
        done = self.finished if self.finished and self.finished <= last else None
        if self.received > last or (self.finished and self.finished < first):
            return {}
        new, online = self.received >= first, self.channel == 2
        overdue = (done or last) > self.due if self.due else False
        in_time = self.status == 7 or not overdue
        early = bool(done and self.due and done < self.due and self.status != 7)
        within = done is None and (self.is_suspended or not overdue)
        late = bool(done) and not in_time
        got: dict[str, Pair] = {
            "received_total": (1, 0), "received_online": (new and online, 0),
            "received_direct_postal": (new and not online, 0), "received_carried_over": (not new, 0),
            "resolved_total": (bool(done), 0), "resolved_early": (early, 0),
            "resolved_on_time": (bool(done) and in_time and not early, 0), "resolved_overdue": (late, 0),
            "in_progress_total": (not done, 0), "in_progress_within": (within, 0),
            "in_progress_overdue": (not done and not within, 0), "suspended_total": (not done and self.is_suspended, 0),
            "progress_rate": (within or (bool(done) and in_time), 1),
        }  # fmt: skip
        if done:
            got |= {"on_time_rate": (in_time, 1), "early_rate": (early, 1), "overdue_rate": (late, 1)}
            got["no_due_date_rate"] = (self.due is None, 1)
            if self.status in (9, 10):
                got["electronic_result_rate"] = (self.flag, 1)
            if self.asked:
                got |= dict.fromkeys(("online_payment_rate", "dossier_satisfaction_rate"), (self.flag, 1))
        if late or (not done and not within):
            got["apology_rate"] = (self.flag, 1)
        if new:
            got["online_submission_rate"] = (online, 1)
            got |= dict.fromkeys(("digitised_intake_rate", "data_reuse_rate"), (self.flag, 1))
            if online:
                got["identity_verified_rate"] = (self.flag, 1)
                got |= {"intake_8h_rate": (self.flag, 1)} if self.asked else {}
            got |= {"full_online_rate": (online, 1)} if self.asked else {}
        if not self.is_portal:
            got["portal_sync_rate"] = (self.asked, 1)
            got |= {"portal_agreement_rate": (self.flag, 1)} if self.asked else {}
        for metric, pair in self.own.items():
            if {"new": new, "done": bool(done), "shown": True}[ASKED_WHEN[metric]]:
                got[metric] = pair
        return {metric: pair for metric, pair in got.items() if pair != NOTHING}


def states(
    finished: Iterable[date | None], statuses: Iterable[int], channels: Iterable[int] = (1, 2, 3), **known: Any
) -> list[State]:
    """All states with these ends, statuses and channels; a status that is no end has none, 1 and 3 do not count."""
    found = set[State]()
    for end, status, channel, suspended, flag, asked in product(finished, statuses, channels, *[(False, True)] * 3):
        if status in (1, 3):
            continue
        ended = end if status in (7, 9, 10) else None
        if status in (7, 9, 10) and not ended:
            continue
        day = ended or date(2024, 9, 10)
        for due in (None, day - timedelta(1), day, day + timedelta(1), date(2099, 1, 1), date(2000, 1, 1)):
            made = State(finished=ended, status=status, channel=channel, due=due, flag=flag, asked=asked, **known)
            found.add(replace(made, is_suspended=suspended))
    return sorted(found, key=repr)


@dataclass
class Uncertain:
    """A dossier (or case) that nobody knows for sure: the units it may be at, its states, and what it is now."""

    units: frozenset[str]
    options: list[State] = field(default_factory=list)
    now: tuple[frozenset[str], State] | None = None
    others: Mapping[str, frozenset[Pair]] = field(default_factory=dict)
    """Of one that is certain but for a payment, a rating or the portal's row: what else it could bring, by metric."""

    def brings(self, unit: str, first: date, last: date) -> dict[str, frozenset[Pair]]:
        """What it could bring to a unit's metrics in a period; with nothing for sure, nothing is among it."""
        here = self.now[1].contributions(first, last) if self.now and unit in self.now[0] else {}
        if self.others:
            asked = {"new": False, "done": "resolved_total" in here, "shown": bool(here)}
            return {
                metric: pairs | {here.get(metric, NOTHING)}
                for metric, pairs in self.others.items()
                if asked[ASKED_WHEN[metric]]
            }
        found: dict[str, set[Pair]] = {metric: {NOTHING, pair} for metric, pair in here.items()}
        for state in self.options if unit in self.units else []:
            for metric, pair in state.contributions(first, last).items():
                found.setdefault(metric, {NOTHING}).add(pair)
        return {metric: frozenset(pairs) for metric, pairs in found.items()}


def worlds(sets: Iterable[frozenset[Any]], start: Any, combine: Callable[[Any, Any], Any]) -> set[Any]:
    """What all combinations of one option of each set come to."""
    reached = {start}
    for options in sets:
        reached = {combine(one, other) for one in reached for other in options}
    return reached


def bounds(base: Pair, sets: Iterable[frozenset[Pair]], is_rate: bool) -> tuple[Fraction, Fraction] | None:
    """The lowest and highest value over all worlds; None where none has a value."""
    reached = worlds(sets, base, lambda one, other: (one[0] + other[0], one[1] + other[1]))
    if not is_rate:
        counts = [Fraction(n) for n, _ in reached]
        return min(counts), max(counts)
    values = [Fraction(min(n, d), d) for n, d in reached if d]
    return (min(values), max(values)) if values else None
