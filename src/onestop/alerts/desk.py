"""The desk where alerts are raised, found to be over, and told: one message per cause and channel.

A channel that fails is noted, and is itself an alert to the other channels of the engineer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from onestop.alerts.book import Book, states
from onestop.alerts.channels import channel
from onestop.alerts.message import message
from onestop.alerts.model import Alert, Event, Purpose, State
from onestop.config import Settings
from onestop.errors import OnestopError

Attachments = Callable[[Alert], Sequence[Path]]
FAILED_CHANNEL = "channel_failed"


@dataclass(frozen=True, slots=True)
class Told:
    """One message that was handed over, or that could not be (`problem`)."""

    fingerprint: str
    channel: str
    purpose: Purpose
    problem: str | None = None


@dataclass(frozen=True)
class Desk:
    """Raises and tells.

    Args:
        settings: channels, quiet hours, when to remind.
        book: where events are kept.
        attachments: the workbooks that go with an alert to a data owner.
    """

    settings: Settings
    book: Book
    attachments: Attachments = lambda _: ()

    def raise_(self, alert: Alert, at: datetime) -> None:
        """Note that something is (still) wrong; `tell` says it."""
        content = {k: v for k, v in asdict(alert).items() if k not in ("kind", "subject") and v}
        self.book.append(Event(alert.fingerprint, "seen", at, content=content))

    def settle(self, over: Callable[[Alert], bool], at: datetime) -> list[str]:
        """Note of every open alert that `over` accepts that it is gone; their fingerprints."""
        gone = [s.alert.fingerprint for s in states(self.book) if s.is_open and over(s.alert)]
        for fingerprint in gone:
            self.book.append(Event(fingerprint, "recovered", at))
        return gone

    def targets(self, alert: Alert) -> tuple[tuple[str, ...], bool]:
        """Who is told, and whether in Vietnamese: the owner of the source, any data owner, else the engineer."""
        alerts = self.settings.alerts
        if alert.about.audience == "data_owner":
            if owner := alerts.owners.get(alert.subject) or alerts.data_owner:
                return owner, True
        elif alert.kind == FAILED_CHANNEL:
            return tuple(target for target in alerts.engineer if target != alert.subject), False
        return alerts.engineer, False

    def tell(self, at: datetime) -> list[Told]:
        """Hand over every message that is due now: news, reminders, recoveries; nothing in quiet hours."""
        quiet = self.settings.alerts.quiet_hours
        if quiet and quiet.is_open(at, self.settings.zone):
            return []
        done: list[Told] = []
        with self.book.alone():
            for _ in range(2):  # the second time for what the first found of channels
                now = self._round(at, {told.channel for told in done if told.problem is not None})
                done += now
                if not self._note_channels(now, at):
                    break
        return done

    def _round(self, at: datetime, failing: Set[str]) -> list[Told]:
        """Whoever failed is not tried again until the next time."""
        done = []
        for state in states(self.book):
            targets, vietnamese = self.targets(state.alert)
            for target in targets:
                purpose = due(state, target, at, timedelta(hours=self.settings.alerts.remind_hours))
                if purpose is not None and target not in failing:
                    done.append(self._send(state, target, purpose, vietnamese, at))
        return done

    def _send(self, state: State, target: str, purpose: Purpose, vietnamese: bool, at: datetime) -> Told:
        settings, fingerprint = self.settings, state.alert.fingerprint
        words = message(state, purpose, vietnamese=vietnamese, province=settings.province.name_vi, zone=settings.zone)
        files = self.attachments(state.alert) if purpose != "recovery" and vietnamese else ()
        try:
            channel(settings, target).send(words, state, files)
        except OnestopError as problem:
            reason = {"reason": problem.message}
            self.book.append(Event(fingerprint, "send_failed", at, purpose, target, reason))
            return Told(fingerprint, target, purpose, problem.message)
        self.book.append(Event(fingerprint, "sent", at, purpose, target))
        return Told(fingerprint, target, purpose)

    def _note_channels(self, told: Sequence[Told], at: datetime) -> bool:
        """Whether something is new to tell of channels."""
        open_now = {s.alert.subject for s in states(self.book) if s.is_open and s.alert.kind == FAILED_CHANNEL}
        failed = {t.channel: t.problem for t in told if t.problem is not None}
        well = {t.channel for t in told if t.problem is None} - set(failed)
        for name, problem in failed.items():
            if name not in open_now:
                impact = "whoever reads that channel does not hear of what is wrong"
                self.raise_(Alert(FAILED_CHANNEL, name, evidence=problem or "", impact_en=impact), at)
        gone = self.settle(lambda alert: alert.kind == FAILED_CHANNEL and alert.subject in well, at)
        return bool(gone or set(failed) - open_now)


def due(state: State, target: str, at: datetime, remind_after: timedelta) -> Purpose | None:
    """What a target is still to be told of an alert."""
    told = state.told.get(target)
    if state.is_open:
        if told is None:
            return "first"
        return "reminder" if at - told >= remind_after else None
    return "recovery" if told is not None and target not in state.recovery_told else None
