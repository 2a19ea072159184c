"""The steps of report__quarterly between the draft and the published edition, as its tasks call them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from onestop import config
from onestop.config import Settings
from onestop.logs import say
from onestop.periods import Period, last_complete_quarter, parse
from onestop.pipeline import delivery, editions, flows, undelivered, unit_answers
from onestop.reporting.editions.diff import Diff
from onestop.reporting.editions.model import REASONS_VI
from onestop.reporting.wording import period_title

_log = logging.getLogger(__name__)
DRAFTED_BY = "report__quarterly"
NO_REASON = "không nêu lý do"
_MARKS = {"ok": "✔ đạt", "note": "• lưu ý", "open": "✘ chưa đạt"}


def resolve(settings: Settings, period: str | None) -> str:
    """The period asked for, or the last statutory quarter that is complete."""
    found = parse(period) if period else last_complete_quarter(config.now(settings).astimezone(settings.zone).date())
    say(_log, "period", period=str(found))
    return str(found)


def draft_files(settings: Settings, period: str) -> list[str]:
    """Write the draft's files, to be read before anybody signs."""
    return [str(path) for path in flows.draft_report(settings, parse(period))]


def draft_and_look(settings: Settings, period: str, reason: str | None) -> dict[str, Any]:
    """Draft the period's edition, and say what the person who approves should know.

    Args:
        settings: of the province.
        period: the period.
        reason: of a restatement; none for the first edition.

    Returns:
        `text`, Markdown, and the `edition_id` of the draft that it speaks of.
    """
    wanted, now = parse(period), config.now(settings)
    if reason:
        made = editions.restate(settings, wanted, at=now, reason=reason, by=DRAFTED_BY)
    else:
        made = editions.draft(settings, wanted, at=now, by=DRAFTED_BY)
    ready = editions.readiness(settings, wanted, at=now)
    states = Counter(condition.state for condition in ready.conditions)
    say(_log, "edition drafted", version=made.edition.version, conditions=states.total(), open=states["open"])
    lines = [f"**{_title(wanted)}: dự thảo lần {made.edition.version}**", ""]
    lines += [f"- {_MARKS[condition.state]}: {condition.text_vi}" for condition in ready.conditions]
    if made.edition.version > 1:
        lines += ["", *_changes(editions.diff(settings, wanted))]
    return {"edition_id": made.edition.edition_id, "text": "\n".join(lines)}


def ask(settings: Settings, period: str) -> list[str]:
    """Send units their part of the draft to confirm or contest; nobody who receives for a unit: nothing to do.

    Raises:
        DeliveryFailed: a unit did not surely get its part; the others have theirs.
    """
    if not settings.delivery.ask_units or not any(one.unit for one in settings.delivery.recipients):
        return []
    clock = partial(config.now, settings)
    found = unit_answers.ask(settings, parse(period), clock=clock, by=DRAFTED_BY, retry=True)
    return _told("units asked", settings, found, clock())


def _title(period: Period) -> str:
    kind = "theo năm dương lịch" if period.convention == "calendar" else "theo Nghị định 09/2019/NĐ-CP"
    return f"{period_title(period)} ({kind})"


def _changes(found: Diff) -> list[str]:
    said = [f"So với lần {found.old.version}: {len(found.cells)} số liệu khác; lý do: {found.new.reason}"]
    return said + [f"- {REASONS_VI[reason]}: {count}" for reason, count in sorted(found.reasons.items())]


def approve_and_publish(
    settings: Settings, period: str, shown: Mapping[str, Any], answer: Mapping[str, Any]
) -> list[str]:
    """Approve what was shown in the name of whoever answered, publish, and give back the files."""
    wanted, now, who = parse(period), config.now(settings), _who(answer)
    newest = editions.history(settings, wanted)[0][-1]
    if (newest.edition_id, newest.status) != (shown["edition_id"], "approved"):  # a second try goes on from there
        editions.approve(settings, wanted, at=now, by=who, edition_id=shown["edition_id"])
    done = editions.publish(settings, wanted, at=now, by=who)
    say(_log, "edition published", version=newest.version, files=len(done.files))
    return [str(path) for path in done.files]


def deliver(settings: Settings, period: str) -> list[str]:
    """Send what was published to whom it was not sent yet, what failed again; nobody named: nothing to do.

    Raises:
        DeliveryFailed: somebody did not surely get theirs; the others have it.
    """
    if not settings.delivery.recipients:
        return []
    found = delivery.deliver(settings, parse(period), clock=partial(config.now, settings), by=DRAFTED_BY, retry=True)
    return _told("delivered", settings, found, config.now(settings))


def send_back(settings: Settings, period: str, answer: Mapping[str, Any]) -> str:
    """Note the refusal with its reason, and give the reason back."""
    reason = str((answer.get("params_input") or {}).get("reason") or "").strip() or NO_REASON
    editions.refuse(settings, parse(period), at=config.now(settings), by=_who(answer), reason=reason)
    say(_log, "edition sent back")
    return reason


def _told(event: str, settings: Settings, found: delivery.Deliveries, at: datetime) -> list[str]:
    """What became of letters."""
    say(_log, event, states=dict(Counter(one.state for one in found.all)))
    delivery.alarm(found)
    undelivered.look_again(settings, at)
    return [f"{one.recipient}: {one.state}" for one in found.all]


def _who(answer: Mapping[str, Any]) -> str:
    """The name of whoever answered in Airflow."""
    user = answer.get("responded_by_user") or {}
    return str(user.get("name") or user.get("id") or editions.somebody())
