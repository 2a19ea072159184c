"""How late dossiers became known, read from tables as a build leaves them: half the same night, half two nights later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

import raw_rows
from onestop.periods import parse
from onestop.reporting.arrival_figures import load_expected
from onestop.reporting.arrivals import Expected
from onestop.warehouse.connection import connect

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
ZONE = "Asia/Ho_Chi_Minh"
NOW = datetime(2024, 9, 10, 23, 30, tzinfo=ZoneInfo(ZONE))
DAYS = 260
PERIOD = parse("2024-Q3")


@pytest.fixture
def nights(warehouse: str) -> Iterator[psycopg.Connection[Any]]:
    """A batch each night at 23:00, ten dossiers a day, five of them two nights late; each resolved on the day it came."""
    with closing(connect(warehouse)) as connection:
        connection.execute("insert into ops.source (source_id, kind, position) values ('igate', 'one_stop_api', 1)")
        connection.execute("insert into ops.source (source_id, kind, position) values ('dvcqg', 'portal_export', 2)")
        connection.execute(
            "create table mart.fct_dossier (dossier_code text, source_id text, received_on date, finished_on date)"
        )
        connection.execute(
            "create table intermediate.int_dossier__version"
            " (dossier_code text, batch_id bigint, status int, is_deleted bool, is_portal bool)"
        )
        days = [NOW.date() - timedelta(days=back) for back in range(DAYS, -1, -1)]
        batches = {
            day: raw_rows.batch(connection, "igate", "dossier", 10, f"{day}T23:00:00+07:00", False) for day in days
        }
        raw_rows.batch(connection, "dvcqg", "dossier", 10, "2024-09-01T23:00:00+07:00", False)  # files tell of no delay
        for day in days:
            for number in range(10):
                code, known = f"{day}-{number}", day + timedelta(days=2 * (number % 2))
                if known in batches:
                    connection.execute("insert into mart.fct_dossier values (%s, 'igate', %s, %s)", [code, day, day])
                    connection.execute(
                        "insert into intermediate.int_dossier__version values (%s, %s, 10, false, false)",
                        [code, batches[known]],
                    )
        yield connection
        connection.rollback()


def expected(connection: psycopg.Connection[Any], now: datetime = NOW) -> tuple[Expected, ...]:
    def rows(query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        return connection.execute(query.encode(), values).fetchall()

    return load_expected(rows, PERIOD, now, ZONE)


def test_what_two_nights_still_bring(nights: psycopg.Connection[Any]) -> None:
    whole = 10 * ((NOW.date() - PERIOD.first).days + 1)
    found = expected(nights)
    assert [(one.measure, one.known, one.estimate) for one in found] == [
        ("received_new", whole - 10, whole),  # five of today and five of yesterday are missing
        ("resolved_total", whole - 10, whole),
    ]


def test_a_period_that_is_over_has_no_estimate(nights: psycopg.Connection[Any]) -> None:
    assert expected(nights, datetime(2024, 9, 15, 8, 0, tzinfo=ZoneInfo(ZONE))) == ()


def test_a_source_that_begins_within_the_period_leaves_no_estimate(nights: psycopg.Connection[Any]) -> None:
    nights.execute("insert into ops.source (source_id, kind, position) values ('second', 'one_stop_api', 3)")
    raw_rows.batch(nights, "second", "dossier", 10, f"{date(2024, 7, 1)}T23:00:00+07:00", True)
    assert expected(nights) == ()
