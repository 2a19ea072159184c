"""published.delivery: the attempts to deliver, each reserved before anything is sent and ended afterwards. Append-only.

An attempt without an end is one whose program was stopped: nobody knows whether it arrived.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from onestop.config import Recipient
from onestop.delivery.parcel import Outcome, State
from onestop.errors import OnestopError
from onestop.periods import Period, parse

Kind = Literal["edition", "draft"]
STOPPED = "the program was stopped while it was sending"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of published.delivery, but its number: an attempt that is reserved, or how it ended."""

    period_convention: str
    period: str
    version: int
    edition_id: int
    kind: Kind
    recipient: str
    agency_code: str | None
    channel: str
    address: str
    attempt: int
    state: State | Literal["reserved"]
    happened_at: datetime
    by_whom: str
    files: Mapping[str, str]
    head: str | None
    message: str | None = None
    reason: str | None = None

    def is_to(self, recipient: Recipient) -> bool:
        """Whether it went to this recipient at this address."""
        return (self.recipient, self.channel, self.address) == (recipient.id, recipient.channel, recipient.address)


_COLUMNS = tuple(f.name for f in fields(Attempt))
_LOCK = "hashtext('onestop.delivery'), hashtext(%s)"


@contextmanager
def alone(connection: psycopg.Connection[Any], period: Period) -> Iterator[None]:
    """One who delivers a period at a time; the lock goes with the connection.

    Raises:
        OnestopError: somebody else does.
    """
    row = connection.execute(f"select pg_try_advisory_lock({_LOCK})".encode(), [str(period)]).fetchone()
    if not (row and row[0]):
        raise OnestopError(
            f"{period}: another delivery of this period is under way", next_step="wait for its end, then ask again"
        )
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"select pg_advisory_unlock({_LOCK})".encode(), [str(period)])


def rows(connection: psycopg.Connection[Any], period: Period, recipient: str | None = None) -> list[Attempt]:
    """All of the period's, or those to one recipient, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            f"select {', '.join(_COLUMNS)} from published.delivery where period_convention = %s and period = %s"
            " and (recipient = %s or %s::text is null) order by delivery_id".encode(),
            [period.convention, period.name, recipient, recipient],
        ).fetchall()
    return [Attempt(**{**row, "files": json.loads(row["files"])}) for row in found]


def attempts(found: Iterable[Attempt]) -> list[Attempt]:
    """Each attempt once: how it ended, or unknown where it never did. The reservation's reason stays with it."""
    standing: dict[tuple[object, ...], Attempt] = {}
    for row in found:
        key = (row.edition_id, row.recipient, row.channel, row.address, row.attempt)
        begun = standing.get(key)
        standing[key] = replace(row, reason=begun.reason) if begun else replace(row, state="unknown", message=STOPPED)
    return list(standing.values())


def reserve(connection: psycopg.Connection[Any], attempt: Attempt) -> None:
    """Say that something is about to be sent; committed when it returns."""
    _add(connection, attempt)


def end(connection: psycopg.Connection[Any], attempt: Attempt, outcome: Outcome, at: datetime) -> Attempt:
    """Say how a reserved attempt ended."""
    ended = replace(attempt, state=outcome.state, message=outcome.message, happened_at=at)
    _add(connection, replace(ended, reason=None))
    return ended


def of_mail(connection: psycopg.Connection[Any], message_id: str, address: str) -> Attempt | None:
    """The newest attempt that a mail server took under this Message-ID, to this address; as it stands now."""
    with connection.cursor(row_factory=dict_row) as cursor:
        taken = cursor.execute(
            "select period_convention, period, edition_id, recipient, attempt from published.delivery"
            " where channel = 'mail' and state = 'sent' and lower(address) = %s and position(%s in message) > 0"
            " order by delivery_id desc limit 1",
            [address, message_id],
        ).fetchone()
    if taken is None:
        return None
    of_period = rows(connection, parse(f"{taken['period_convention']}:{taken['period']}"), taken["recipient"])
    wanted = (taken["edition_id"], address, taken["attempt"])
    return next(one for one in attempts(of_period) if (one.edition_id, one.address.lower(), one.attempt) == wanted)


def _add(connection: psycopg.Connection[Any], row: Attempt) -> None:
    values = {name: getattr(row, name) for name in _COLUMNS}
    values["files"] = json.dumps(row.files, sort_keys=True)
    with connection.transaction():
        connection.execute(
            f"insert into published.delivery ({', '.join(_COLUMNS)})"
            f" values ({', '.join(f'%({name})s' for name in _COLUMNS)})".encode(),
            values,
        )
