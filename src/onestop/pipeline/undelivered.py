"""What did not reach everybody: letters that came back to the sender, and deliveries for which somebody must do something."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg

from onestop.alerts.desk import Desk
from onestop.alerts.model import Alert
from onestop.config import Settings
from onestop.delivery import log, returned
from onestop.delivery.courier import ALERTS
from onestop.delivery.log import Attempt
from onestop.delivery.parcel import Outcome
from onestop.errors import ConfigurationError
from onestop.periods import parse
from onestop.pipeline import alerting
from onestop.pipeline.impact import impact
from onestop.pipeline.silence import Finding

KIND = "delivery_failed"
MAILBOX = "returned mail"
_UNDER_WAY = timedelta(minutes=30)  # longer than any one attempt may take
_READ_BACK = timedelta(days=30)  # mail servers give up within five days; a watch that stood still catches up


def note_returned(connection: psycopg.Connection[Any], settings: Settings, at: datetime) -> list[Attempt]:
    """Read the mailbox of `delivery.returned`; note each of our letters that came back, once. What was noted.

    Raises:
        ConfigurationError: the mailbox cannot be read.
    """
    folder = settings.returned_mail_path
    if folder is None:
        return []
    noted = []
    for path in returned.mailbox(folder, at - _READ_BACK):
        for letter in returned.returned(path.read_bytes()):
            attempt = log.of_mail(connection, letter.message_id, letter.address)
            if attempt is not None and attempt.state == "sent":
                said = f"it came back: {letter.said or 'without a reason'}; Message-ID {letter.message_id}"
                noted.append(log.end(connection, attempt, Outcome("returned", said), at))
    return noted


def undelivered(connection: psycopg.Connection[Any], settings: Settings, at: datetime) -> list[Finding]:
    """A finding per period of which a recipient in province.yml did not surely get what is published, or asked about.

    Letters that came back are noted first.
    """
    found = []
    try:
        note_returned(connection, settings, at)
    except ConfigurationError as problem:
        found.append(Finding(KIND, MAILBOX, problem.message))
    editions = connection.execute(
        "select distinct period_convention, period, edition_id from published.delivery join published.edition"
        " using (edition_id, period_convention, period) where status in ('draft', 'published') order by 1, 2, 3"
    ).fetchall()
    for convention, name, edition_id in editions:
        period = parse(f"{convention}:{name}")
        tried = [one for one in log.attempts(log.rows(connection, period)) if one.edition_id == edition_id]
        said = []
        for recipient in settings.delivery.recipients:
            last = next((one for one in reversed(tried) if one.is_to(recipient)), None)
            if last and last.state in ALERTS and not _is_under_way(last, at):
                said.append(f"{recipient.id} ({last.channel}, {last.address}) {last.state}: {last.message or ''}")
        if said:
            found.append(Finding(KIND, str(period), "; ".join(said)))
    return found


def look_again(settings: Settings, at: datetime) -> None:
    """Raise and settle what the log says now, as the watch would within the hour; what goes wrong here is only logged."""

    def act(desk: Desk, connection: psycopg.Connection[Any] | None, now: datetime) -> None:
        if connection is None:
            return
        found = undelivered(connection, settings, at)
        for one in found:
            said = impact(connection, settings, KIND, one.subject, at)
            desk.raise_(Alert(KIND, one.subject, one.evidence, one.evidence_vi, *said), now)
        still = {one.subject for one in found}
        desk.settle(lambda alert: alert.kind == KIND and alert.subject not in still, now)
        desk.tell(now)

    alerting.at_desk(settings, act)


def _is_under_way(last: Attempt, at: datetime) -> bool:
    return last.message == log.STOPPED and at - last.happened_at < _UNDER_WAY
