"""When each dossier was received, due and finished: drawn so that a form's row comes out exactly.

Every dossier of the calibrated period has a receipt class (new online, new otherwise, carried over) and an outcome
class (resolved early, on time, overdue; in progress within, overdue), in exactly the amounts of the row. Its dates
are then drawn inside what these classes allow under the rules of the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from onestop.sandbox.days import DAY, NONE, Flags, Ints, WorkingDays

EARLY, ON_TIME, OVERDUE, WITHIN, LATE = range(5)
"""Outcome classes; LATE is in progress and overdue."""
ONLINE, OTHER_CHANNEL, CARRIED = range(3)
"""Receipt classes."""
SHORTEST = 7
HISTORY = 280
NO_DUE, WITHDRAWN, SUSPENDED, FINISHED_LATER = 0.02, 0.015, 0.30, 0.55


@dataclass(frozen=True)
class Window:
    """The period and the moment the province is looked at; day numbers, and a moment number for `as_of`."""

    first: int
    last: int
    as_of: int

    @property
    def today(self) -> int:
        """The day of `as_of`."""
        return self.as_of // DAY


@dataclass
class Timeline:
    """Arrays of one length, one element a dossier. Days are day numbers, NONE where there is none.

    Attributes:
        online: submitted online.
        received, finished, first_due, due: days; due is the one that counts, after supplements.
        stopped, resumed: the supplement's days; resumed NONE while it is open.
        paused: the day from which the status in `status` suspends the dossier, NONE if it does not.
        status: TrangThaiHoSo.
    """

    online: Flags
    received: Ints
    finished: Ints
    first_due: Ints
    due: Ints
    stopped: Ints
    resumed: Ints
    paused: Ints
    status: Ints

    def __len__(self) -> int:
        return len(self.received)


def joined(parts: list[Timeline]) -> Timeline:
    """One timeline after the other."""
    return Timeline(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Timeline)})


def classes(row: Mapping[str, int], draw: np.random.Generator) -> tuple[Ints, Ints]:
    """Receipt and outcome class of every dossier of a row, in random order.

    Few dossiers that are still in progress were carried over, as few as the row allows.
    """
    carried, resolved, total = row["received_carried_over"], row["resolved_total"], row["received_total"]
    in_progress = row["in_progress_total"]
    old_open = min(max(round(0.12 * in_progress), carried - resolved, 0), carried, in_progress)
    outcome = np.repeat(
        np.arange(5),
        [
            row["resolved_early"],
            row["resolved_on_time"],
            row["resolved_overdue"],
            row["in_progress_within"],
            row["in_progress_overdue"],
        ],
    )
    done, still_open = draw.permutation(outcome[:resolved]), draw.permutation(outcome[resolved:])
    outcome = np.concatenate([still_open[:old_open], done, still_open[old_open:]])
    new = draw.permutation(np.repeat([ONLINE, OTHER_CHANNEL], [row["received_online"], row["received_direct_postal"]]))
    receipt = np.concatenate([np.full(carried, CARRIED), new])
    order = draw.permutation(total)
    return receipt[order].astype(np.int64), outcome[order].astype(np.int64)


def calibrated(
    receipt: Ints, outcome: Ints, days: Ints, window: Window, calendar: WorkingDays, draw: np.random.Generator
) -> Timeline:
    """Dates for the classes of a period.

    Args:
        receipt, outcome: classes, one a dossier.
        days: the procedure's processing days, one a dossier.

    Raises:
        ValueError: the period is shorter than a week, or `as_of` lies before its last day.
    """
    if window.last - window.first + 1 < SHORTEST:
        raise ValueError(f"a calibrated period has at least {SHORTEST} days")
    if window.today < window.last:
        raise ValueError("as_of lies before the last day of the calibrated period")
    count = len(receipt)
    new, is_open = receipt != CARRIED, outcome >= WITHIN
    span = np.ceil(days * 1.4).astype(np.int64)
    low = np.where(new, window.first, window.first - HISTORY)
    # What is to be overdue by the period's end was received before its last day.
    late = (outcome == OVERDUE) | (outcome == LATE)
    high = np.where(new, window.last - late, window.first - 1)
    spread = low + np.floor(draw.random(count) * (high - low + 1)).astype(np.int64)
    recent = high - np.floor(draw.exponential(9.0, count)).astype(np.int64)
    received = calendar.within(np.clip(np.where(new & ~is_open, spread, recent), low, high), low, high)

    finished = _finished(outcome, received, span, np.where(new, received, window.first), window.last, calendar, draw)
    suspended = (outcome == WITHIN) & (draw.random(count) < SUSPENDED)
    later = is_open & (draw.random(count) < FINISHED_LATER) & (window.today > window.last)
    after = window.last + 1 + np.floor(draw.exponential(5.0, count)).astype(np.int64)
    after = calendar.within(np.minimum(after, window.today), window.last + 1, window.today)
    finished = np.where(is_open, np.where(later, after, NONE), finished)

    due = _due(outcome, received, finished, span, suspended, window.last, calendar, draw)
    online = (receipt == ONLINE) | (
        ~new & (draw.random(count) < np.mean(receipt[new] == ONLINE) if new.any() else False)
    )
    made = Timeline(
        online=online,
        received=received,
        finished=finished,
        first_due=due.copy(),
        due=due,
        stopped=np.full(count, NONE),
        resumed=np.full(count, NONE),
        paused=np.full(count, NONE),
        status=_finished_status(finished, draw),
    )
    withdrawn = (outcome == ON_TIME) & (draw.random(count) < WITHDRAWN)
    made.status[withdrawn] = 7
    # A withdrawn dossier is on time whatever its dates say, so they may say anything.
    made.due[withdrawn] = np.maximum(received, finished - draw.integers(0, 9, count))[withdrawn]
    made.first_due[withdrawn] = made.due[withdrawn]
    _suspend(made, suspended, window, draw)
    _open_status(made, suspended, window, draw)
    _supplement(made, np.where(is_open, window.last, finished), suspended, draw)
    return made


def outside(
    low: int, high: int, until: int, days: Ints, online: float, calendar: WorkingDays, draw: np.random.Generator
) -> Timeline:
    """Dossiers received in [low, high], all of them finished by `until` at the latest."""
    count = len(days)
    span = np.ceil(days * 1.4).astype(np.int64)
    outcome = draw.choice([EARLY, ON_TIME, OVERDUE], count, p=[0.78, 0.21, 0.01])
    outcome = np.where((outcome == OVERDUE) & (high >= until), ON_TIME, outcome)
    received = low + np.floor(draw.random(count) * (high - low + 1)).astype(np.int64)
    received = calendar.within(received, low, high)
    finished = _finished(outcome, received, span, received, until, calendar, draw)
    due = _due(outcome, received, finished, span, np.zeros(count, bool), until, calendar, draw)
    nothing = np.full(count, NONE)
    status = _finished_status(finished, draw)
    flags = draw.random(count) < online
    return Timeline(flags, received, finished, due.copy(), due, nothing, nothing.copy(), nothing.copy(), status)


def _finished(
    outcome: Ints, received: Ints, span: Ints, low: Ints, high: int, calendar: WorkingDays, draw: np.random.Generator
) -> Ints:
    """Days on which resolved dossiers were finished, in [low, high] and, where overdue, after the receipt."""
    count = len(outcome)
    low = np.where(outcome == OVERDUE, np.maximum(low, received + 1), low)
    share = np.floor(span * draw.random(count) * 0.8).astype(np.int64)
    delay = 1 + np.floor(draw.exponential(5.0, count)).astype(np.int64)
    wanted = received + np.choose(np.minimum(outcome, OVERDUE), [share, span, span + delay])
    wanted = np.where(wanted < low, low + np.floor(draw.exponential(4.0, count)).astype(np.int64), wanted)
    anywhere = low + np.floor(draw.random(count) * (high - low + 1)).astype(np.int64)
    wanted = np.where(wanted > high, anywhere, wanted)
    return calendar.within(np.maximum(wanted, low), low, high)


def _due(
    outcome: Ints,
    received: Ints,
    finished: Ints,
    span: Ints,
    suspended: Flags,
    last: int,
    calendar: WorkingDays,
    draw: np.random.Generator,
) -> Ints:
    """The due days that put every dossier in its outcome class; never before the receipt."""
    count = len(outcome)
    regular = calendar.following(received + span)
    back = np.floor(draw.exponential(4.0, count)).astype(np.int64)
    end = np.where(outcome == LATE, last, finished)
    overdue = np.maximum(received, end - 1 - back)
    due = np.choose(
        outcome,
        [
            np.maximum(regular, finished + 1),
            finished,
            overdue,
            np.where(suspended, regular, np.maximum(regular, last)),
            overdue,
        ],
    )
    none = (draw.random(count) < NO_DUE) & ((outcome == ON_TIME) | (outcome == WITHIN))
    return np.where(none, NONE, due)


def _finished_status(finished: Ints, draw: np.random.Generator) -> Ints:
    count = len(finished)
    ended = np.where(draw.random(count) < 0.75, 10, 9)
    return np.where(finished == NONE, np.where(draw.random(count) < 0.8, 4, 2), ended).astype(np.int64)


def _suspend(made: Timeline, suspended: Flags, window: Window, draw: np.random.Generator) -> None:
    """Give dossiers in progress a reason to be suspended on the period's last day."""
    count = len(made)
    how = draw.choice(4, count, p=[0.6, 0.12, 0.18, 0.1])  # a supplement; status 5 without a list; 6; 8
    still_open = made.finished == NONE
    by_status = suspended & still_open & (how > 0)
    by_list = suspended & ~by_status
    since = made.received + np.floor(draw.random(count) * (window.last - made.received + 1)).astype(np.int64)
    made.stopped[by_list] = since[by_list]
    end = np.where(still_open, window.today, made.finished)
    answered = by_list & (~still_open | (draw.random(count) < 0.4)) & (end > window.last)
    back = window.last + 1 + np.floor(draw.random(count) * (end - window.last)).astype(np.int64)
    made.resumed[answered] = back[answered]
    made.status[by_list & still_open & ~answered] = 5
    made.status[by_list & answered & still_open] = 4
    made.status[by_status] = np.choose(how, [5, 5, 6, 8])[by_status]
    made.paused[by_status] = since[by_status]
    # A supplement that was received moved the appointment: the new one is the due date, the old one came before.
    moved = answered & (made.due > made.received)
    shift = np.minimum(made.due - made.received, 1 + (made.resumed - made.stopped))
    made.first_due[moved] = (made.due - shift)[moved]


def _open_status(made: Timeline, suspended: Flags, window: Window, draw: np.random.Generator) -> None:
    """Some dossiers still open were paused only after the period: that suspends nothing in it."""
    count = len(made)
    if window.today == window.last:
        return
    chosen = (made.finished == NONE) & ~suspended & (draw.random(count) < 0.06)
    made.status[chosen] = draw.choice([5, 6, 8], count)[chosen]
    since = window.last + 1 + np.floor(draw.random(count) * (window.today - window.last)).astype(np.int64)
    made.paused[chosen] = since[chosen]


def _supplement(made: Timeline, end: Ints, suspended: Flags, draw: np.random.Generator) -> None:
    """Supplements asked for and received by `end`: they moved the appointment to what is the due date now."""
    count = len(made)
    room = np.minimum(made.due - made.received, end - made.received)
    # A status 5 that pauses a dossier does so only while its list is empty.
    chosen = (made.due != NONE) & (room >= 3) & ~suspended & (made.paused == NONE) & (draw.random(count) < 0.09)
    stop = np.minimum(1 + np.floor(draw.exponential(3.0, count)).astype(np.int64), np.maximum(room - 1, 1))
    begin = made.received + np.floor(draw.random(count) * np.maximum(room - stop, 1)).astype(np.int64)
    made.stopped[chosen] = begin[chosen]
    made.resumed[chosen] = (begin + stop)[chosen]
    made.first_due[chosen] = (made.due - stop)[chosen]
    asked_twice = chosen & (made.finished == NONE) & (made.status == 4) & (draw.random(count) < 0.1)
    made.status[asked_twice] = 5  # the supplement is there, the status was not moved on: not suspended
