"""A range again, by hand: it loads what is missing, and the live feed goes on as if it had not been."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from onestop import config
from onestop.errors import ConfigurationError, DataRefused
from onestop.landing import ledger
from onestop.pipeline.backfill import backfill, load_again
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.server import OneStopServer
from onestop.warehouse.connection import connect
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

pytestmark = pytest.mark.integration
REASON = "ratings of August were missing"
LAST_BATCH = (
    "select origin, reached_end, cursor_before, cursor_after from ops.load_batch order by batch_id desc limit 1"
)


@pytest.fixture
def server() -> Iterator[OneStopServer]:
    with OneStopServer([dossier(n, NgayCapNhat=f"202409{n:02d}100000") for n in range(1, 11)], CLIENT, SECRET) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch, server: OneStopServer) -> World:
    made = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch)
    ingest_reference(made.settings, as_of=AS_OF)
    return made


def again(world: World, first: str, last: str, reason: str = REASON) -> Any:
    days = {"first": date.fromisoformat(first), "last": date.fromisoformat(last)}
    return backfill(world.settings, "igate", **days, reason=reason, as_of=AS_OF)


def cursor(world: World) -> str:
    return str(world.one("select cursor from ops.source_cursor"))


def test_both_days_are_asked_for_and_the_cursor_stays(world: World, server: OneStopServer) -> None:
    ingest(world.settings, "igate", as_of=AS_OF)
    server.commit(
        dossier(n, NgayCapNhat=stamp)
        for n, stamp in enumerate(("20240801235959", "20240802000000", "20240803235959", "20240804000000"), 20)
    )
    result = again(world, "2024-08-02", "2024-08-03")
    assert (result.received, result.accepted) == (2, 2)
    origin = f"backfill [20240802000000, 20240804000000): {REASON}"
    assert world.rows(LAST_BATCH) == [(origin, False, "20240910100000", "20240910100000")]
    assert cursor(world) == "20240910100000"
    assert again(world, "2024-08-02", "2024-08-03").duplicate == 2


def test_a_range_past_the_cursor_does_not_move_it_either(world: World, server: OneStopServer) -> None:
    ingest(world.settings, "igate", as_of=AS_OF)
    server.commit([dossier(30, NgayCapNhat="20240920100000"), dossier(31, NgayCapNhat="20240925080001")])
    assert again(world, "2024-09-11", "9999-12-31").accepted == 1  # nothing after as-of is asked for
    assert cursor(world) == "20240910100000"
    live = ingest(world.settings, "igate", as_of=AS_OF)
    assert (live.accepted, live.duplicate, cursor(world)) == (0, 2, "20240920100000")


def test_before_the_first_load_a_backfill_is_no_first_load(world: World) -> None:
    assert again(world, "2024-09-01", "2024-09-30").accepted == 10
    assert world.one("select count(*) from ops.source_cursor") == 0
    live = ingest(world.settings, "igate", as_of=AS_OF)
    assert (live.duplicate, cursor(world)) == (10, "20240910100000")
    assert world.one("select is_first_load from ops.load_batch order by batch_id desc limit 1")


@pytest.mark.parametrize(("first", "last"), [("2023-01-01", "2023-01-31"), ("2025-01-01", "2025-02-01")])
def test_an_empty_range_is_no_fault(world: World, first: str, last: str) -> None:
    ingest(world.settings, "igate", as_of=AS_OF)
    result = again(world, first, last)
    assert (result.state, result.received) == ("loaded", 0)


def test_the_limit_holds(world: World, server: OneStopServer) -> None:
    ingest(world.settings, "igate", as_of=AS_OF)
    server.commit(
        dossier(n, NgayCapNhat=f"20240802{n // 60:02d}{n % 60:02d}00", **({"KenhThucHien": "9"} if n < 106 else {}))
        for n in range(100, 200)
    )
    with pytest.raises(DataRefused, match="6 of 100 rows fail"):
        again(world, "2024-08-02", "2024-08-02")
    assert world.ledger()[1] == ("refused", 100, 0, 0, 0, 100)
    assert (world.one("select count(*) from raw.one_stop_dossier"), cursor(world)) == (10, "20240910100000")


def test_loads_of_one_source_wait_for_each_other(world: World) -> None:
    ingest(world.settings, "igate", as_of=AS_OF)
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    with ThreadPoolExecutor(3) as pool, closing(connect(world.dsn, autocommit=True)) as other:
        ledger.lock_source(other, "igate")
        loads: list[Future[Any]] = [
            pool.submit(again, world, "2024-09-01", "2024-09-05"),
            pool.submit(again, world, "2024-09-03", "2024-09-10"),
            pool.submit(ingest, world.settings, "igate", as_of=AS_OF),
        ]
        try:
            deadline = time.monotonic() + 30
            while world.one(waiting) < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
            assert world.one(waiting) == 3 and not any(load.done() for load in loads)
        finally:
            other.close()
        assert [load.result().accepted for load in loads] == [0, 0, 0]
    times = world.rows("select started_at, finished_at from ops.load_batch where source_id = 'igate' order by batch_id")
    assert len(times) == 4
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))
    assert world.one("select count(*) from raw.one_stop_dossier") == 10


def test_a_landed_delivery_again_with_its_reason(world: World) -> None:
    ingest(world.settings, "igate", as_of=AS_OF)
    path = world.one("select landing_path from ops.load_batch where source_id = 'igate'")
    result = load_again(world.settings, "igate", landing_path=path, reason=REASON, as_of=AS_OF)
    assert (result.received, result.duplicate) == (10, 10)
    assert (
        world.one("select origin from ops.load_batch order by batch_id desc limit 1") == f"replay of {path}: {REASON}"
    )
    with pytest.raises(ConfigurationError, match="is no delivery of igate"):
        load_again(world.settings, "igate", landing_path=f"other/{path}", reason=REASON, as_of=AS_OF)


@pytest.mark.parametrize(
    ("first", "last", "reason", "words"),
    [
        ("2024-08-02", "2024-08-01", REASON, "before it begins"),
        ("2024-08-01", "2024-08-01", " a \n b ", "5 to 500 characters"),
    ],
)
def test_a_wrong_order_is_said_before_anything_is_asked(
    world: World, first: str, last: str, reason: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        again(world, first, last, reason)
    assert world.ledger() == []


def test_files_have_no_range(world: World) -> None:
    file = world.settings.file
    file.write_text(file.read_text() + "  - {id: dvcqg, kind: portal_export, path: exports}\n")
    days = {"first": date(2024, 8, 1), "last": date(2024, 8, 2)}
    with pytest.raises(ConfigurationError, match="not asked for by their time") as caught:
        backfill(config.load(file), "dvcqg", **days, reason=REASON, as_of=AS_OF)
    assert "exports" in str(caught.value.next_step)
