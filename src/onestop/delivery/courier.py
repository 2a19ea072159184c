"""Brings parcels to recipients, one after the other, and never the same twice: what was sent stays sent.

Each attempt is reserved in the log and committed before anything leaves. One recipient's fault does not hold up the others:
what may succeed later is tried again after all others had their turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg

from onestop.config import Recipient, Settings
from onestop.delivery import log, mail, places
from onestop.delivery.log import Attempt, Kind
from onestop.delivery.parcel import Outcome, Parcel, State
from onestop.reporting.editions.model import Edition

ALERTS: frozenset[str] = frozenset(("failed", "bounced", "unknown", "returned"))


@dataclass(frozen=True, slots=True)
class Job:
    """What a recipient should have. `make` is asked only when it has to be sent; it gives the same each time."""

    recipient: Recipient
    make: Callable[[], Parcel]


@dataclass(frozen=True, slots=True)
class Delivered:
    """Where a recipient stands. state none: its unit has no figures in the period. is_new: done by this call."""

    recipient: str
    agency_code: str | None
    channel: str
    address: str
    state: State | Literal["none"]
    message: str
    next_step: str | None = None
    attempt: int = 0
    is_new: bool = False

    @property
    def is_alert(self) -> bool:
        """Whether somebody must do something."""
        return self.state in ALERTS


@dataclass(frozen=True, slots=True)
class Courier:
    """Who brings one edition's files.

    kind: of a published edition, or of a draft that units are asked about.
    sender_name: the office in whose name e-mails go.
    clock: what "now" is.
    """

    connection: psycopg.Connection[Any]
    settings: Settings
    edition: Edition
    kind: Kind
    sender_name: str
    by: str
    clock: Callable[[], datetime]
    sleep: Callable[[float], object] = time.sleep

    def bring(self, jobs: Sequence[Job], *, retry: bool = False, again: str | None = None) -> list[Delivered]:
        """Send what was not sent yet.

        Args:
            jobs: who should have what.
            retry: what failed before is tried again, too; into a folder also what is unknown, since it can be looked at.
            again: why all of it is sent anew, whatever was sent before.
        """
        done: dict[str, Delivered] = {}
        waiting: list[Job] = []
        for job in jobs:
            before = self._attempts(job.recipient)
            if again is not None or not before or (retry and _may_retry(before[-1])):
                waiting.append(job)
            else:
                done[job.recipient.id] = _standing(before[-1])
        for turn in range(self.settings.delivery.tries):
            if not waiting:
                break
            if turn:
                self.sleep(self.settings.delivery.wait_seconds)
            later = []
            for job in waiting:
                ended, outcome = self._try(job, again)
                done[job.recipient.id] = _standing(ended, outcome)
                if outcome.can_retry:
                    later.append(job)
            waiting = later
        return [done[job.recipient.id] for job in jobs]

    def _attempts(self, recipient: Recipient) -> list[Attempt]:
        found = log.attempts(log.rows(self.connection, self.edition.value, recipient.id))
        return [one for one in found if one.edition_id == self.edition.edition_id and one.is_to(recipient)]

    def _try(self, job: Job, reason: str | None) -> tuple[Attempt, Outcome]:
        recipient, parcel = job.recipient, job.make()
        before = self._attempts(recipient)
        attempt = Attempt(
            period_convention=self.edition.period_convention,
            period=self.edition.period,
            version=self.edition.version,
            edition_id=self.edition.edition_id,
            kind=self.kind,
            recipient=recipient.id,
            agency_code=recipient.unit,
            channel=recipient.channel,
            address=recipient.address,
            attempt=max((one.attempt for one in before), default=0) + 1,
            state="reserved",
            happened_at=self.clock(),
            by_whom=self.by,
            files=parcel.hashes,
            head=self.edition.sha256,
            reason=reason,
        )
        log.reserve(self.connection, attempt)
        sent_before = sum(one.state in ("sent", "returned") for one in before)
        outcome = self._send(recipient, parcel, sent_before)
        return log.end(self.connection, attempt, outcome, self.clock()), outcome

    def _send(self, recipient: Recipient, parcel: Parcel, sent_before: int) -> Outcome:
        server = self.settings.delivery.mail
        if recipient.mail is None or server is None:
            return places.deliver(self.settings, recipient, parcel)
        # A retry has the name of the first try, so that what did arrive can be told from it; what is sent anew has another.
        edition = self.edition
        name = mail.message_id(
            server, edition.value, edition.sha256 or edition.edition_id, recipient.id, recipient.mail, sent_before
        )
        at = self.clock().astimezone(self.settings.zone)
        made = mail.letter(server, recipient.mail, parcel, sender_name=self.sender_name, name=name, at=at)
        return mail.send(server, recipient.mail, made)


def _may_retry(last: Attempt) -> bool:
    return last.state == "failed" or (last.state == "unknown" and last.channel != "mail")


def _standing(last: Attempt, outcome: Outcome | None = None) -> Delivered:
    state: State = "unknown" if last.state == "reserved" else last.state
    again = f"--again {last.recipient} --reason '...'"
    corrected = f"correct the address in province.yml, then deliver; if it is right and the cause is mended: {again}"
    steps: dict[str, str] = {
        "failed": "mend what the message says, then deliver with --retry",
        "bounced": corrected,
        "returned": corrected,
        "unknown": f"ask whether it arrived; if not: {again}",
    }
    if last.channel != "mail":
        steps["unknown"] = "deliver with --retry: it looks what lies there"
    step = outcome.next_step if outcome and outcome.next_step else steps.get(state)
    if outcome and state == "unknown":
        step = f"{step}; if not: {again}"
    return Delivered(
        recipient=last.recipient,
        agency_code=last.agency_code,
        channel=last.channel,
        address=last.address,
        state=state,
        message=last.message or "",
        next_step=step,
        attempt=last.attempt,
        is_new=outcome is not None,
    )
