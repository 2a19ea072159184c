"""A warehouse that breaks off in the middle of a load: one clear message, and nothing of the load is kept."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from onestop.cli.app import main
from onestop.errors import WarehouseUnavailable
from onestop.pipeline import editions
from onestop.pipeline import ingest as ingesting
from onestop.pipeline.reference import ingest_reference
from onestop.pipeline.warehouse_faults import explained
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, dossier, make_world

pytestmark = [pytest.mark.integration, pytest.mark.every_server]


def test_sessions_ended_by_an_administrator(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingesting, "CHUNK", 20)
    with OneStopServer([dossier(n) for n in range(1, 101)], CLIENT, SECRET) as server:
        world = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch, options="page_size: 20")
        ingest_reference(world.settings, as_of=AS_OF)

        def end_sessions(step: str, done: int) -> None:
            if done == 40:
                world.rows(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and application_name = 'onestop'"
                )

        with pytest.raises(WarehouseUnavailable, match="ingest igate: the warehouse broke off") as caught:
            ingesting.ingest(world.settings, "igate", as_of=AS_OF, progress=end_sessions)
        assert caught.value.next_step
        assert world.ledger() == [] and world.one("select count(*) from raw.one_stop_dossier") == 0
        assert ingesting.ingest(world.settings, "igate", as_of=AS_OF).accepted == 100
    assert world.rows("select outcome from ops.ingest_attempt order by started_at") == [("interrupted",), ("loaded",)]


def test_the_life_of_a_quarter_says_it_too(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    with pytest.raises(WarehouseUnavailable, match="editions: the warehouse broke off"):  # noqa: SIM117
        with editions.warehouse(world.settings) as connection:
            world.rows("select pg_terminate_backend(%s)", connection.info.backend_pid)
            connection.execute("select 1")


def test_a_command_that_nobody_guarded_says_it(
    tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last net, under all commands: a look at the history on a connection that the server ends."""
    world = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)

    def look(*_: object, **__: object) -> None:
        with psycopg.connect(warehouse) as connection:
            world.rows("select pg_terminate_backend(%s)", connection.info.backend_pid)
            connection.execute("select 1")

    monkeypatch.setattr(editions, "history", look)
    monkeypatch.setattr("sys.argv", ["onestop", "quarter", "history", "2024-Q3", "--config", str(world.settings.file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "quarter: the warehouse broke off" in said and "Unexpected" not in said and "Next step" in said


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (psycopg.errors.DiskFull("could not extend file\nCONTEXT: COPY x, line 1: 0905123456"), "disk is full"),
        (psycopg.OperationalError("consuming input failed\nCONTEXT: 0905123456"), "consuming input failed"),
        (psycopg.InterfaceError("the connection is closed"), "the connection is closed"),
        (psycopg.OperationalError(), "no reason given"),
    ],
)
def test_what_is_said(fault: psycopg.Error, said: str) -> None:
    with pytest.raises(WarehouseUnavailable, match=said) as caught, explained("ingest igate"):
        raise fault
    assert "0905123456" not in str(caught.value) and caught.value.next_step


def test_defects_pass_through() -> None:
    with pytest.raises(psycopg.DataError), explained("ingest igate"):
        raise psycopg.DataError("a defect of the product")
