"""When a build follows the change and when it is whole: decided once, and for the reason that it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import raw_rows
from onestop.logs import heard
from onestop.resources import resource
from onestop.transform import rounds
from onestop.transform.dbt import LAYERS
from onestop.warehouse.connection import connect

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
NOW = datetime.fromisoformat("2024-10-20T08:00:00+07:00")
DAY = timedelta(days=1)


class Rounds:
    """Builds without dbt: what a build leaves for the decision is the moment's table and the facts."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.given: dict[str, Any] = {"timezone": "Asia/Ho_Chi_Minh", "code": "a", "province": "H15"}

    def begin(self, known_at: datetime, *layers: str, **given: Any) -> rounds.Round:
        said = {**self.given, **given}
        begun = rounds.begin(self.connection, layers=layers or LAYERS, known_at=known_at, **said)
        self.connection.execute("create schema if not exists intermediate; create schema if not exists mart")
        if rounds.DECIDING in (layers or LAYERS):
            self.connection.execute("drop table if exists intermediate.int_build__moment")
            self.connection.execute(
                f"create table intermediate.int_build__moment as select timestamptz '{known_at}' as known_at".encode()
            )
        self.connection.execute(
            "create table if not exists mart.fct_dossier ();"
            "create table if not exists intermediate.int_build__batch (batch_id bigint, is_ahead boolean)"
        )
        return begun

    def build(self, known_at: datetime, *layers: str, **given: Any) -> rounds.Round:
        begun = self.begin(known_at, *layers, **given)
        rounds.finish(self.connection, begun, layers or LAYERS)
        return begun


@pytest.fixture
def made(warehouse: str) -> Iterator[Rounds]:
    with closing(connect(warehouse, autocommit=True)) as connection:
        yield Rounds(connection)


def test_a_night_follows_a_build_that_ended_well(made: Rounds) -> None:
    first, night = made.build(NOW), made.build(NOW + DAY)
    assert (first.is_whole, first.reason) == (True, "nothing was built before")
    assert not night.is_whole
    assert not made.build(NOW + DAY).is_whole  # the same moment once more


def test_layers_one_by_one_are_one_round(made: Rounds) -> None:
    with heard() as said:
        for moment, whole in ((NOW, True), (NOW + DAY, False)):
            assert {made.build(moment, layer).is_whole for layer in LAYERS[1:]} == {whole}
    assert [(one["event"], one["is_whole"], one["known_at"]) for one in said] == [
        ("build", True, NOW),
        ("build", False, NOW + DAY),
    ], "each is said once, by the layer that decides"
    assert made.connection.execute("select count(*) from ops.build_round where finished_at is not null").fetchall() == [
        (2,)
    ]
    # The reports alone once more are of the same round.
    assert not made.build(NOW + DAY, "reports").is_whole


@pytest.mark.parametrize("layers", [LAYERS, ("intermediate",)])
def test_after_a_build_that_did_not_end_well_all_is_built(made: Rounds, layers: tuple[str, ...]) -> None:
    made.build(NOW)
    made.begin(NOW + DAY, *layers)  # killed, or a test failed
    found = made.build(NOW + 2 * DAY)
    assert found.is_whole
    assert "did not end well" in found.reason


def test_a_round_whose_later_layers_were_never_built_did_not_end_well(made: Rounds) -> None:
    made.build(NOW)
    made.build(NOW + DAY, "intermediate")
    assert made.build(NOW + 2 * DAY).is_whole


def test_a_failed_layer_is_built_again_as_its_round_was(made: Rounds) -> None:
    made.build(NOW)
    made.build(NOW + DAY, "intermediate")
    made.begin(NOW + DAY, "marts")  # the server went away
    assert not made.build(NOW + DAY, "marts").is_whole
    made.build(NOW + DAY, "reports")
    assert not made.build(NOW + 2 * DAY).is_whole


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"code": "b"}, "SQL"),
        ({"province": "H66"}, "province"),
        ({"whole": "it was asked for"}, "asked"),
    ],
)
def test_what_all_dossiers_depend_on_asks_for_all(made: Rounds, change: dict[str, str], reason: str) -> None:
    made.build(NOW)
    found = made.build(NOW + DAY, **change)
    assert found.is_whole
    assert reason in found.reason


def test_sources_catalogue_and_calendar_ask_for_all(made: Rounds) -> None:
    made.build(NOW)
    made.connection.execute("insert into ops.source (source_id, kind, position) values ('igate', 'one_stop_api', 1)")
    assert "sources" in made.build(NOW + DAY).reason
    raw_rows.load_procedure(made.connection)
    assert "catalogue" in made.build(NOW + 2 * DAY).reason
    raw_rows.load_reference(made.connection, "working_day_exception", [("2024-10-21", "0", "nghỉ", "1/QĐ")])
    assert "working day" in made.build(NOW + 3 * DAY).reason
    # Units are followed: their dossiers find their new places.
    raw_rows.load_reference(made.connection, "agency", [("H15", "Tỉnh", "province", None)])
    assert not made.build(NOW + 4 * DAY).is_whole


@pytest.mark.parametrize("eve", ["2024-12-14T23:59:59+07:00", "2024-12-31T23:59:59+07:00"])
def test_a_year_of_either_convention_begins(made: Rounds, eve: str) -> None:
    evening = datetime.fromisoformat(eve)
    made.build(evening - DAY)
    assert not made.build(evening).is_whole
    assert made.build(evening + timedelta(seconds=1)).reason == "a year began"


def test_an_earlier_moment_and_a_foreign_hand_ask_for_all(made: Rounds) -> None:
    made.build(NOW)
    assert "earlier moment" in made.build(NOW - DAY).reason
    made.connection.execute("update intermediate.int_build__moment set known_at = known_at + interval '1 hour'")
    assert "not as the build before left them" in made.build(NOW).reason
    made.connection.execute("drop table mart.fct_dossier")
    assert made.build(NOW + DAY).is_whole


def test_the_hash_is_of_what_decides(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "models" / "a").mkdir(parents=True)
    (project / "models" / "a" / "one.sql").write_text("select 1")
    first = rounds.hash_of_code(project)
    (project / "models" / "a" / "words.yml").write_text("a description")
    assert rounds.hash_of_code(project) == first
    (project / "models" / "a" / "one.sql").write_text("select 2")
    assert rounds.hash_of_code(project) != first
    assert rounds.hash_of_code(resource("dbt_project")) != first


def test_a_change_of_a_large_part_is_built_whole(made: Rounds) -> None:
    made.build(NOW)
    made.connection.execute(
        "insert into mart.fct_dossier select from generate_series(1, 300000); analyze mart.fct_dossier"
    )
    batches = [
        raw_rows.batch(made.connection, "igate", "dossier", rows, NOW.isoformat(), False) for rows in (29_000, 1_500)
    ]
    for batch, whole in (
        (None, True),
        (batches[0], False),
    ):  # read by the build before: nothing but the small one is new
        made.connection.execute("insert into intermediate.int_build__batch values (%s, false)", [batch or -1])
        found = made.build(NOW + DAY)
        assert found.is_whole is whole
        assert not whole or "30,500 rows" in found.reason


def test_all_rows_are_tested_once_in_seven_days(made: Rounds) -> None:
    tested = [made.build(NOW + n * DAY).is_tested_whole for n in range(9)]
    assert tested == [True, *[False] * 6, True, False]
    # Later layers of a round test as the first did; a round that did not end well proves nothing.
    assert not made.build(NOW + 9 * DAY, "intermediate").is_tested_whole
    assert [made.build(NOW + 9 * DAY, layer).is_tested_whole for layer in LAYERS[2:]] == [False, False]
    assert made.build(NOW + 10 * DAY, whole="it was asked for").is_tested_whole
    assert not made.build(NOW + 11 * DAY).is_tested_whole
