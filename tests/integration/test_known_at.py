"""Figures as they were known at past moments: first-load semantics, late deliveries, corrections, deletes.

The served tables stay as they were, and nothing of the second set is left.
"""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

import raw_rows
from onestop.cli.app import app
from onestop.periods import parse
from onestop.pipeline import known_at
from onestop.pipeline.known_at import report_known_at
from onestop.warehouse.connection import connect
from worlds import AGENCIES, World, make_world

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
NOW = datetime.fromisoformat("2024-09-25T08:00:00+07:00")
UNIT = "H15.07"


def deliveries() -> list[tuple[str, bool, list[dict[str, Any]]]]:
    """When accepted, whether a first load, versions. All of the statutory quarter 2024-Q3."""

    def version(number: int, updated: str, status: int = 4, **more: Any) -> dict[str, Any]:
        record = {"code": f"H15.07-240616-{number:04d}", "unit": UNIT, "status": status, "updated": updated}
        return record | {"received": "20240616", "due": "20240701"} | more

    return [
        # The first load: its versions are known from their NgayCapNhat on, long before it was accepted.
        (
            "2024-07-05T08:00:00+07:00",
            True,
            [
                version(1, "20240616090000"),
                version(2, "20240617120000", channel=2),
                version(3, "20240625", 10, ended="20240625"),
                version(3, "20240616"),
                version(4, "20240702", 10, ended="20240702"),  # a day late, until it is corrected
                version(5, "20240620", received="20240620"),
            ],
        ),
        # A night: known from the moment it was accepted, whatever its NgayCapNhat says.
        ("2024-07-11T02:10:00+07:00", False, [version(1, "20240710", 10, ended="20240710")]),
        # A late delivery, a correction, a delete.
        (
            "2024-08-20T02:10:00+07:00",
            False,
            [
                version(6, "20240703", 10, received="20240618", ended="20240703", due="20240710", channel=2),
                version(4, "20240720", 10, ended="20240701"),
                {"code": "H15.07-240616-0005", "deleted": "1", "updated": "20240801"},
            ],
        ),
    ]


@pytest.fixture
def world(warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The deliveries, and something that is served: two tables as a build would have left them."""
    monkeypatch.setenv("ONESTOP_AS_OF", NOW.isoformat())
    made = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    with closing(connect(warehouse)) as connection, connection.transaction():
        connection.execute("insert into ops.source (source_id, kind, position) values ('igate', 'one_stop_api', 1)")
        raw_rows.load_reference(connection, "agency", [(*unit[:3], unit[3] or None) for unit in AGENCIES])
        raw_rows.load_procedure(connection)
        for accepted_at, first_load, records in deliveries():
            raw_rows.load_dossiers(connection, records, accepted_at=accepted_at, first_load=first_load)
        connection.execute(
            "create table mart.dim_period as select 'served' as period, 'statutory' as period_convention"
        )
        connection.execute("create table report.form_ii_06a as select 'served' as period, 'H15' as agency_code")
        connection.execute("create view staging.stg_one_stop__dossier as select 'served' as dossier_code")
    return made


def form(figures: dict[str, Any]) -> tuple[int, ...]:
    """Columns 3 to 13."""
    row = figures["form_ii_06a"]
    names = ("received_total", "received_online", "received_direct_postal", "received_carried_over", "resolved_total")
    more = ("resolved_early", "resolved_on_time", "resolved_overdue")
    rest = ("in_progress_total", "in_progress_within", "in_progress_overdue")
    return tuple(row[name] for name in (*names, *more, *rest))


def served(world: World) -> list[tuple[Any, ...]]:
    """What would change if anything served were built again, moved or written to."""
    return world.rows(
        "select n.nspname, c.relname, c.oid::bigint, c.relfilenode::bigint from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('staging', 'intermediate', 'mart', 'report')"
        " union all select 'period', min(period), count(*), 0 from mart.dim_period"
        " union all select 'builds', '', count(*), 0 from ops.build"
        " union all select 'nodes', '', count(*), 0 from ops.dbt_node_result order by 1, 2"
    )


def report(world: World, moment: str) -> tuple[list[Path], dict[str, Any]]:
    """The report's files and the figures in them."""
    paths = report_known_at(world.settings, parse("2024-Q3"), known_at=datetime.fromisoformat(moment), now=NOW)
    return paths, json.loads(next(path for path in paths if path.suffix == ".json").read_text(encoding="utf-8"))


def test_figures_as_known_at_three_moments(world: World) -> None:
    before = served(world)
    assert len(before) == 6
    # 1 and 2, received on 16 June, and 3, still in progress then: 2's version is of this very second. 3's end, 4 and
    # 5 are not known yet. The state is that of the quarter's last day, 14 September: all three overdue.
    paths, figures = report(world, "2024-06-17T12:00:00+07:00")
    assert {path.parent for path in paths} == {
        world.settings.reports_path / "statutory_2024-Q3" / "known-at-20240617T120000"
    }
    assert (figures["status"], figures["known_at"]) == ("known_at", "2024-06-17T12:00:00+07:00")
    assert form(figures) == (3, 1, 2, 0, 0, 0, 0, 0, 3, 0, 3)

    # At the second in which the night of 11 July was accepted: 1 to 5; 1 has ended late (10 July), 3 early, 4 late.
    answer = CliRunner().invoke(
        app,
        [
            *("report", "2024-Q3", "--known-at", "2024-07-11T02:10:00+07:00", "--json"),
            *("--config", str(world.settings.file)),
        ],
    )
    assert answer.exit_code == 0, answer.output
    said = json.loads(answer.stdout)
    assert said["known_at"] == "2024-07-11T02:10:00+07:00"
    assert all(Path(path).is_file() for path in said["reports"])
    assert form(said["figures"]) == (5, 1, 4, 0, 3, 1, 0, 2, 2, 0, 2)

    # Now: 6 was delivered late, 4 corrected to on time, 5 deleted.
    _, figures = report(world, NOW.isoformat())
    assert form(figures) == (5, 2, 3, 0, 4, 2, 1, 1, 1, 0, 1)

    assert served(world) == before
    assert world.rows("select nspname from pg_namespace where nspname like 'known_at%' or nspname like 'served%'") == []


def test_the_served_names_are_lent_inside_one_transaction(world: World) -> None:
    with closing(connect(world.dsn, autocommit=True)) as connection, closing(connect(world.dsn)) as reader:
        for schema in known_at.SCHEMAS:
            connection.execute(f"create schema {known_at.PREFIX}{schema}")
        connection.execute(f"create table {known_at.PREFIX}mart.dim_period as select 'the past' as period")
        with known_at._in_place_of_the_served(connection):
            assert connection.execute("select period from mart.dim_period").fetchall() == [("the past",)]
            assert reader.execute("select period from mart.dim_period").fetchall() == [("served",)]
            with pytest.raises(psycopg.ProgrammingError):
                connection.commit()
        assert connection.execute("select period from mart.dim_period").fetchall() == [("served",)]
        # What a killed run left is swept by the next one.
        known_at._drop(connection)
        assert world.rows("select nspname from pg_namespace where nspname like 'known_at%'") == []
