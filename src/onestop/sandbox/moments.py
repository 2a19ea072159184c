"""From days to moments: at what time of the day things happened, and when the record was last changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onestop.sandbox.days import DAY, NONE, Flags, Ints
from onestop.sandbox.timeline import Timeline, Window

APPOINTMENT = 17 * 3600
APOLOGISED, NO_FIRST, RATED, PAUSED_TWICE = 0.7, 0.25, 0.22, 0.4


@dataclass
class Moments:
    """Moments (seconds, NONE where there is none) and what follows from them, one element a dossier.

    Attributes:
        shown: the appointment as the record shows it now.
        first_known: whether the record says what its first appointment was.
        since: first moment of the status that pauses the dossier, where `changed` is a later one.
        told: whether the feed holds earlier versions.
        broken: paused before, taken up again, and paused a second time.
    """

    submitted: Ints
    received: Ints
    finished: Ints
    handed: Ints
    rated: Ints
    first_due: Ints
    due: Ints
    shown: Ints
    stopped: Ints
    resumed: Ints
    apologised: Ints
    since: Ints
    changed: Ints
    first_known: Flags
    told: Flags
    broken: Flags


def moments(times: Timeline, window: Window, history: float, draw: np.random.Generator) -> Moments:
    """Times of the day for a timeline; nothing lies after `window.as_of`, except appointments."""
    count = len(times)

    def clock(day: Ints, opens: float, closes: float) -> Ints:
        now = window.as_of % DAY / 3600
        end = np.where(day == window.today, min(closes, now), closes)
        start = np.minimum(opens, end * 0.9)
        seconds = np.floor((start + (end - start) * draw.random(count)) * 3600).astype(np.int64)
        return np.where(day == NONE, NONE, day * DAY + seconds)

    def until_now(moment: Ints, since: Ints) -> Ints:
        """What would lie after `as_of` lies somewhere between `since` and it: no heap of records at one moment."""
        between = since + np.floor(draw.random(count) * (window.as_of - since)).astype(np.int64)
        return np.where(moment > window.as_of, between, moment)

    def not_before(moment: Ints, other: Ints) -> Ints:
        return np.where(moment == NONE, NONE, np.minimum(np.maximum(moment, other), window.as_of))

    def appointment(day: Ints) -> Ints:
        return np.where(day == NONE, NONE, day * DAY + APPOINTMENT)

    received = clock(times.received, 7.25, 16.0)
    wait = np.floor(draw.exponential(4 * 3600, count)).astype(np.int64)
    submitted = np.where(times.online, received - 60 - wait, received)
    stopped = not_before(clock(times.stopped, 7.5, 16.2), received + 600)
    resumed = not_before(clock(times.resumed, 7.5, 16.5), stopped + 600)
    paused = not_before(clock(times.paused, 7.5, 16.5), received + 600)
    finished = not_before(clock(times.finished, 8.0, 17.0), np.maximum(received, resumed) + 300)
    handed = np.where(times.status == 10, finished + np.floor(draw.exponential(30_000, count)).astype(np.int64), NONE)
    handed = until_now(handed, finished)
    rated = np.where((handed != NONE) & (draw.random(count) < RATED), handed + draw.integers(60, 90_000, count), NONE)
    rated = until_now(rated, handed)
    due, first_due = appointment(times.due), appointment(times.first_due)

    end = np.where(times.finished == NONE, window.today, times.finished)
    overdue = (times.due != NONE) & (end > times.due)
    sorry = overdue & (times.paused == NONE) & (times.status != 7) & (draw.random(count) < APOLOGISED)
    apologised = not_before(np.where(sorry, times.due * DAY + 10 * 3600, NONE), received + 900)
    shown = np.where(sorry, due + draw.integers(3, 13, count) * DAY, due)

    last = np.max([received, stopped, resumed, apologised, finished, handed, rated], axis=0)
    changed = np.where(paused != NONE, paused, last + draw.integers(30, 1800, count))
    again = (paused != NONE) & (draw.random(count) < PAUSED_TWICE)
    changed = np.where(again, paused + draw.integers(3600, 6 * DAY, count), changed)
    changed = until_now(changed, np.where(paused != NONE, paused, last))
    since = np.where(again & (changed > paused), paused, NONE)
    started = received + 3 * 3600
    broken = (times.paused > window.last) & (times.status == 8) & (paused > started) & (received < window.last * DAY)
    told = ((draw.random(count) < history) | (since != NONE) | broken) & (changed > started)
    broken &= told
    since = np.where(told, since, NONE)
    changed = np.where((paused != NONE) & again & ~told, paused, changed)
    no_first = (draw.random(count) < NO_FIRST) & (told | ~sorry) & (due != NONE)
    return Moments(
        submitted=submitted,
        received=received,
        finished=finished,
        handed=handed,
        rated=rated,
        first_due=first_due,
        due=due,
        shown=shown,
        stopped=stopped,
        resumed=resumed,
        apologised=apologised,
        since=since,
        changed=changed,
        first_known=~no_first & (due != NONE),
        told=told,
        broken=broken,
    )
