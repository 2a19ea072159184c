"""An alert, the events of its life, and what they come to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Audience = Literal["engineer", "data_owner"]
EventName = Literal["seen", "sent", "send_failed", "recovered"]
Purpose = Literal["first", "reminder", "recovery"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: who mends it, and what it is called."""

    code: str
    audience: Audience
    title_en: str
    next_en: str
    title_vi: str = ""
    next_vi: str = ""


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by code."""
    content = yaml.safe_load(Path(__file__).with_name("kinds.yml").read_text(encoding="utf-8"))
    return {code: Kind(code, **words) for code, words in content.items()}


@dataclass(frozen=True, slots=True)
class Alert:
    """Something is wrong.

    Attributes:
        kind: one of `kinds()`.
        subject: the source, the run's step or the disk it is about: with the kind, its fingerprint.
        evidence: what was seen, without a value of a record; evidence_vi: the same for data owners.
        impact_en, impact_vi: what cannot be done until it is mended.
        next_step: what the fault itself says to do; without it, what its kind says.
        run_url: the run in Airflow.
    """

    kind: str
    subject: str
    evidence: str = ""
    evidence_vi: str = ""
    impact_en: str = ""
    impact_vi: str = ""
    next_step: str = ""
    run_url: str = ""

    @property
    def fingerprint(self) -> str:
        """One per cause: `source_unavailable:igate`."""
        return f"{self.kind}:{self.subject}"

    @property
    def about(self) -> Kind:
        """Its kind."""
        return kinds()[self.kind]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an alert's life, as ops.alert has it."""

    fingerprint: str
    event: EventName
    happened_at: datetime
    purpose: Purpose | None = None
    channel: str | None = None
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class State:
    """How a fingerprint stands: open since when, seen how often, told to whom and when."""

    alert: Alert
    opened_at: datetime
    last_seen_at: datetime
    times_seen: int
    recovered_at: datetime | None
    told: dict[str, datetime]
    recovery_told: frozenset[str]
    failing: dict[str, str]

    @property
    def is_open(self) -> bool:
        """Not seen to be gone."""
        return self.recovered_at is None


def state_of(events: Sequence[Event]) -> State | None:
    """What the events of one fingerprint, in their order, come to; None where it was never seen."""
    seen: list[Event] = []
    recovered: datetime | None = None
    told: dict[str, datetime] = {}
    failing: dict[str, str] = {}
    thanked: set[str] = set()
    for event in events:
        if event.event == "seen":
            if recovered is not None:  # a new cause of the same name: everybody is told anew
                seen, recovered, told, failing, thanked = [], None, {}, {}, set()
            seen.append(event)
        elif event.event == "recovered":
            recovered = event.happened_at
        elif event.channel is not None and event.event == "sent":
            failing.pop(event.channel, None)
            if event.purpose == "recovery":
                thanked.add(event.channel)
            else:
                told[event.channel] = event.happened_at
        elif event.channel is not None:
            failing[event.channel] = str(event.content.get("reason", ""))
    if not seen:
        return None
    kind, _, subject = seen[-1].fingerprint.partition(":")
    alert = Alert(kind, subject, **seen[-1].content)
    return State(
        alert, seen[0].happened_at, seen[-1].happened_at, len(seen), recovered, told, frozenset(thanked), failing
    )
