"""A period's report as it was known at a past moment, without disturbing what is served.

The models are built for that moment into a second set of schemas beside the served ones. To be read, the set takes the
served schemas' names inside one transaction that is always rolled back: whatever reads `mart` and `report` for a
report finds the past there, and nobody else ever sees it. Then the set is dropped; what a killed run left is dropped
by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.landing import ledger
from onestop.periods import Period
from onestop.pipeline.ingest_result import Progress
from onestop.reporting.draft import draft
from onestop.transform.dbt import build
from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import migrated

PREFIX = "known_at_"
SCHEMAS = ("staging", "intermediate", "mart", "report")
_LOCK = "select pg_advisory_lock(hashtextextended('onestop.known_at', 0))"


def report_known_at(
    settings: Settings, period: Period, *, known_at: datetime, now: datetime, progress: Progress | None = None
) -> list[Path]:
    """Write the period's report as known at a moment, into a folder of its own beside the draft.

    Waits while another such report is made on the same warehouse.

    Raises:
        ConfigurationError: the moment lies in the future, or before the retention horizon.
        BuildFailed: a model or a test failed.
        OnestopError: nothing was known of the period then, or the files cannot be written.
    """
    check_moment(settings, known_at, now)
    dsn = migrated(settings, "transformer")
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        ledger.sync_sources(connection, [(s.id, s.kind) for s in settings.sources])
        connection.execute(_LOCK)
        _drop(connection)
        try:
            if progress:
                progress(f"transform as known at {known_at.isoformat()}", 0)
            build(
                dsn,
                province_code=settings.province.code,
                timezone=settings.province.timezone,
                known_at=known_at,
                ranking_minimum_dossiers=settings.ranking.minimum_dossiers,
                target_path=settings.local / "dbt-known-at",
                schema_prefix=PREFIX,
            )
            if progress:
                progress(f"report {period}", 0)
            with _in_place_of_the_served(connection):
                return draft(connection, settings, period, known_at, folder=folder_name(settings, known_at))
        finally:
            _drop(connection)


def check_moment(settings: Settings, known_at: datetime, now: datetime) -> None:
    """Refuse a moment that nobody can know yet, or whose versions need not be kept any more.

    Raises:
        ConfigurationError: saying which.
    """
    if known_at > now:
        raise ConfigurationError(
            f"{known_at.isoformat()} is not over yet: now is {now.isoformat(timespec='seconds')}",
            next_step="ask for a moment that has passed; ONESTOP_AS_OF says what now is",
        )
    horizon = horizon_of(settings, now)
    if known_at < horizon:
        raise ConfigurationError(
            f"{known_at.isoformat()} lies before the retention horizon, {horizon.isoformat(timespec='seconds')}:"
            f" what was known is kept for {settings.retention.years} years",
            next_step="ask for a later moment; how many years are kept is retention.years in province.yml",
        )


def horizon_of(settings: Settings, now: datetime) -> datetime:
    """The oldest moment that can be asked for: the same local time, so many years ago (29 February: the 28th)."""
    local = now.astimezone(settings.zone)
    year = local.year - settings.retention.years
    try:
        return local.replace(year=year)
    except ValueError:
        return local.replace(year=year, day=28)


def folder_name(settings: Settings, known_at: datetime) -> str:
    """The folder beside `draft`: known-at-20240720T120000, in the province's time."""
    local = known_at.astimezone(settings.zone)
    return f"known-at-{local:%Y%m%dT%H%M%S}" + (f".{local:%f}" if local.microsecond else "")


@contextmanager
def _in_place_of_the_served(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """While the block runs, `mart` and the others are the second set, for this connection alone.

    psycopg refuses a commit inside the block.
    """
    with connection.transaction(force_rollback=True):
        for schema in SCHEMAS:
            _rename(connection, schema, f"served_{schema}")
            _rename(connection, PREFIX + schema, schema)
        yield


def _rename(connection: psycopg.Connection[Any], old: str, new: str) -> None:
    connection.execute(sql.SQL("alter schema {} rename to {}").format(sql.Identifier(old), sql.Identifier(new)))


def _drop(connection: psycopg.Connection[Any]) -> None:
    for schema in SCHEMAS:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(PREFIX + schema)))
