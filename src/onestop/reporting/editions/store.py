"""Reads and writes published.edition and published.event; the database's triggers keep the order of an edition's life."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.rows import class_row, dict_row

from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting.editions.canonical import Content, as_json, moment, sha256
from onestop.reporting.editions.model import Edition
from onestop.reporting.editions.tables import TABLES

EventKind = Literal["drafted", "approved", "refused", "published", "superseded"]
_COLUMNS = ", ".join(f.name for f in fields(Edition))
_LOCK = "select pg_advisory_xact_lock(hashtext('onestop.edition'), hashtext(%s))"
EVENT = ("event", "by_whom", "happened_at", "reason", "details")


def editions(connection: psycopg.Connection[Any], period: Period) -> list[Edition]:
    """The period's editions, oldest first."""
    with connection.cursor(row_factory=class_row(Edition)) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from published.edition where period_convention = %s and period = %s order by version".encode(),
            [period.convention, period.name],
        ).fetchall()


def edition(connection: psycopg.Connection[Any], period: Period, version: int | None = None) -> Edition:
    """One edition; without a version the newest.

    Raises:
        OnestopError: there is none.
    """
    found = editions(connection, period)
    if not found:
        raise OnestopError(f"{period}: there is no edition yet", next_step=f"draft one: onestop quarter draft {period}")
    if version is None:
        return found[-1]
    for one in found:
        if one.version == version:
            return one
    raise OnestopError(f"{period}: there is no edition {version}", next_step=f"choose one of 1 to {found[-1].version}")


def lock(connection: psycopg.Connection[Any], period: Period) -> None:
    """One writer of a period's editions at a time, to the end of the transaction."""
    connection.execute(_LOCK, [str(period)])


def add_draft(
    connection: psycopg.Connection[Any],
    period: Period,
    *,
    version: int,
    known_at: datetime,
    is_preliminary: bool,
    at: datetime,
    by: str,
    reason_code: str | None,
    reason: str | None,
    code_version: str,
) -> int:
    """A draft without contents yet; its id."""
    row = connection.execute(
        "insert into published.edition (period_convention, period, version, status, known_at, reason_code, reason,"
        " period_from, period_to, is_preliminary, drafted_at, drafted_by, code_version)"
        " values (%s, %s, %s, 'draft', %s, %s, %s, %s, %s, %s, %s, %s, %s) returning edition_id",
        [
            *(period.convention, period.name, version, known_at, reason_code, reason),
            *(period.first, period.last, is_preliminary, at, by, code_version),
        ],
    ).fetchone()
    assert row is not None  # noqa: S101  (an insert that returns gives one row)
    return int(row[0])


def remove_draft(connection: psycopg.Connection[Any], draft: Edition) -> None:
    """The draft with all its contents; its events stay."""
    for table in TABLES:
        connection.execute(f"delete from published.{table.name} where edition_id = %s".encode(), [draft.edition_id])
    connection.execute("delete from published.edition where edition_id = %s", [draft.edition_id])


def keep_contents(
    connection: psycopg.Connection[Any], edition_id: int, contents: Iterable[tuple[str, Content]]
) -> None:
    """The hashes of a draft that is about to be approved."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into published.content (edition_id, table_name, row_count, sha256, row_checks)"
            " values (%s, %s, %s, %s, %s)",
            [(edition_id, name, found.rows, found.sha256, found.row_checks) for name, found in contents],
        )


def add_event(
    connection: psycopg.Connection[Any],
    period: Period,
    version: int,
    event: EventKind,
    *,
    by: str,
    at: datetime,
    reason: str | None = None,
    details: str | None = None,
) -> None:
    """Note who did what; chained to the period's event before."""
    row = connection.execute(
        "select sha256 from published.event where period_convention = %s and period = %s order by event_id desc limit 1",
        [period.convention, period.name],
    ).fetchone()
    previous = row[0] if row else None
    said: dict[str, Any] = {
        "event": event, "by_whom": by, "happened_at": at, "reason": reason, "details": details,
    }  # fmt: skip
    connection.execute(
        "insert into published.event (period_convention, period, version, event, by_whom, happened_at, reason, details,"
        " sha256, previous_sha256) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(period.convention, period.name, version, *said.values()),
            *(event_hash(period, version, said, previous), previous),
        ],
    )


def events(connection: psycopg.Connection[Any], period: Period) -> list[dict[str, Any]]:
    """The period's events, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from published.event where period_convention = %s and period = %s order by event_id",
            [period.convention, period.name],
        ).fetchall()


def event_hash(period: Period, version: int, said: dict[str, Any], previous: str | None) -> str:
    """SHA-256 of an event's canonical JSON, the hash of the one before within it."""
    content = {name: said[name] for name in EVENT} | {"happened_at": moment(said["happened_at"])}
    return sha256(as_json({**content, "period": str(period), "version": version, "previous_sha256": previous}))


def file_hash(content: bytes) -> str:
    """SHA-256 of a product."""
    return hashlib.sha256(content).hexdigest()
