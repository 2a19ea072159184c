"""The batch ledger: what was delivered, what became of it, and where the next pull goes on from.

A batch's rows, its ledger row and the cursor commit in one transaction, so a killed load leaves
nothing behind but its attempt, which the next one marks as interrupted.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import psycopg

from onestop import __version__
from onestop.clock import system_now
from onestop.logs import say

log = logging.getLogger(__name__)
State = Literal["loaded", "duplicate", "refused", "failed"]


@dataclass
class Batch:
    """One row of ops.load_batch in the making. Always received = accepted + quarantined + duplicate + refused.

    covers: from when to when, in local time: what the source was asked for (14 digits), or a file's days. It is said only.
    """

    batch_id: int
    source_id: str
    entity: str
    origin: str
    accepted_at: datetime
    is_first_load: bool
    cursor_before: str | None = None
    cursor_after: str | None = None
    landing_path: str | None = None
    sha256: str | None = None
    received: int = 0
    accepted: int = 0
    quarantined: int = 0
    duplicate: int = 0
    refused: int = 0
    state: State = "loaded"
    reached_end: bool = True
    message: str | None = None
    replays_batch_id: int | None = None
    started_at: datetime = field(default_factory=system_now)
    rules: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    covers: tuple[str, str] | None = None

    def refuse_all(self, state: Literal["refused", "failed"], message: str) -> None:
        """Nothing of the batch was loaded."""
        self.accepted = self.quarantined = self.duplicate = 0
        self.refused = self.received
        self.state, self.message, self.reached_end = state, message, False
        self.cursor_after = self.cursor_before


def sync_sources(connection: psycopg.Connection[tuple[object, ...]], sources: Sequence[tuple[str, str]]) -> None:
    """Bring ops.source in line with province.yml: (id, kind) in the file's order."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("lock table ops.source in exclusive mode")
        cursor.executemany(
            "insert into ops.source (source_id, kind, position) values (%s, %s, %s) on conflict (source_id)"
            " do update set kind = excluded.kind, position = excluded.position, removed_at = null"
            " where (source.kind, source.position) is distinct from (excluded.kind, excluded.position)"
            " or source.removed_at is not null",
            [(source_id, kind, position) for position, (source_id, kind) in enumerate(sources, 1)],
        )
        cursor.execute(
            "update ops.source set removed_at = now() where removed_at is null and source_id <> all(%s)",
            [[source_id for source_id, _ in sources]],
        )


def lock_source(connection: psycopg.Connection[tuple[object, ...]], source_id: str) -> None:
    """Wait until no other load of this source runs; held until the connection closes."""
    connection.execute("select pg_advisory_lock(hashtext('onestop.load'), hashtext(%s))", [source_id])


def begin_attempt(
    connection: psycopg.Connection[tuple[object, ...]], attempt_id: str, source_id: str, entity: str, landing_path: str
) -> None:
    """Note an attempt before it starts. The caller holds the source's lock, so an open earlier one has died."""
    with connection.transaction():
        connection.execute(
            "update ops.ingest_attempt set outcome = 'interrupted', ended_at = now()"
            " where source_id = %s and entity = %s and outcome is null",
            [source_id, entity],
        )
        connection.execute(
            "insert into ops.ingest_attempt (attempt_id, source_id, entity, landing_path, started_at)"
            " values (%s, %s, %s, %s, now())",
            [attempt_id, source_id, entity, landing_path],
        )


def note_landed(connection: psycopg.Connection[tuple[object, ...]], attempt_id: str, landed: int) -> None:
    """How many records an attempt has landed so far, for whoever watches."""
    connection.execute("update ops.ingest_attempt set landed = %s where attempt_id = %s", [landed, attempt_id])


def next_batch_id(cursor: psycopg.Cursor[tuple[object, ...]]) -> int:
    """A batch id of its own; rows can carry it before the ledger row is written."""
    cursor.execute("select nextval(pg_get_serial_sequence('ops.load_batch', 'batch_id'))")
    row = cursor.fetchone()
    assert row is not None  # noqa: S101  (a select of one value gives one row)
    return int(str(row[0]))


def source_cursor(cursor: psycopg.Cursor[tuple[object, ...]], source_id: str, entity: str) -> str | None:
    """The newest NgayCapNhat landed so far."""
    cursor.execute("select cursor from ops.source_cursor where source_id = %s and entity = %s", [source_id, entity])
    row = cursor.fetchone()
    return str(row[0]) if row else None


def is_first_load(cursor: psycopg.Cursor[tuple[object, ...]], source_id: str) -> bool:
    """Whether no batch of the source has reached the end of its feed yet."""
    cursor.execute(
        "select not exists (select from ops.load_batch where source_id = %s"
        " and state in ('loaded', 'duplicate') and reached_end)",
        [source_id],
    )
    row = cursor.fetchone()
    return bool(row and row[0])


def note_end(cursor: psycopg.Cursor[tuple[object, ...]], batch_id: int) -> None:
    """The run that loaded this batch went on to the end of what there was, though it loaded nothing more."""
    cursor.execute("update ops.load_batch set reached_end = true where batch_id = %s", [batch_id])


def write_batch(cursor: psycopg.Cursor[tuple[object, ...]], batch: Batch, attempt_id: str | None = None) -> None:
    """The ledger row, its rules' counts, the cursor and the attempt's end; the caller commits."""
    cursor.execute(
        "insert into ops.load_batch (batch_id, source_id, entity, origin, sha256, received, accepted, quarantined,"
        " duplicate, refused, started_at, finished_at, state, accepted_at, reached_end, is_first_load, cursor_before,"
        " cursor_after, landing_path, message, replays_batch_id, code_version) overriding system value"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            batch.batch_id, batch.source_id, batch.entity, batch.origin, batch.sha256, batch.received, batch.accepted,
            batch.quarantined, batch.duplicate, batch.refused, batch.started_at, system_now(), batch.state,
            batch.accepted_at, batch.reached_end, batch.is_first_load, batch.cursor_before, batch.cursor_after,
            batch.landing_path, batch.message, batch.replays_batch_id, __version__,
        ],
    )  # fmt: skip
    cursor.executemany(
        "insert into ops.rule_result (batch_id, rule_id, action, checked, failed) values (%s, %s, %s, %s, %s)",
        [(batch.batch_id, rule_id, *counts) for rule_id, counts in sorted(batch.rules.items())],
    )
    if batch.cursor_after is not None and batch.cursor_after != batch.cursor_before:
        cursor.execute(
            "insert into ops.source_cursor (source_id, entity, cursor, batch_id) values (%s, %s, %s, %s)"
            " on conflict (source_id, entity) do update set cursor = excluded.cursor, batch_id = excluded.batch_id",
            [batch.source_id, batch.entity, batch.cursor_after, batch.batch_id],
        )
    if attempt_id:
        cursor.execute(
            "update ops.ingest_attempt set batch_id = %s, outcome = %s, ended_at = now() where attempt_id = %s",
            [batch.batch_id, batch.state, attempt_id],
        )
    counts = ("received", "accepted", "quarantined", "duplicate", "refused")
    said = {name: getattr(batch, name) for name in ("source_id", "entity", "state", *counts, "covers")}
    say(log, "batch", batch=batch.batch_id, **said)
