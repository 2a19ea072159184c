"""kill -9 at random instants of a load: a rerun gives the same tables, and nothing is left hanging."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world, write_csv

pytestmark = pytest.mark.e2e
KILLS = 10  # `make soak` kills more often
FIRST, ALL = 300, 2100

# Imports once, then forks a process for each order, so that kills hit the work and not the imports.
LOADER = """
import os, signal, sys, time
from datetime import datetime
from onestop import config
from onestop.pipeline import ingest, reference
from onestop.quality import judge  # imports Great Expectations
ingest.CHUNK = 600
settings, as_of = config.load(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
orders = {
    "ingest": lambda: ingest.ingest(settings, "igate", as_of=as_of),
    "reference": lambda: reference.ingest_reference(settings, as_of=as_of),
}
print("ready", flush=True)
for line in sys.stdin:
    order, kill_after = line.split()
    child = os.fork()
    if not child:
        code = 1
        try:
            orders[order]()
            code = 0
        finally:
            os._exit(code)
    if kill_after != "never":
        time.sleep(float(kill_after))
        os.kill(child, signal.SIGKILL)  # nobody else has its pid until it has been waited for
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Loader:
    """A process that loads on order, each time in a process of its own that can be killed."""

    def __init__(self, world: World) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOADER, str(world.folder / "province.yml"), AS_OF.isoformat()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=os.environ.copy(),
        )  # fmt: skip
        assert self._answer() == "ready"

    def run(self, order: str, kill_after: float | None = None) -> tuple[int, float]:
        """The exit code (-9: killed) and the seconds that it took."""
        assert self._process.stdin is not None
        started = time.monotonic()
        self._process.stdin.write(f"{order} {'never' if kill_after is None else kill_after}\n")
        return int(self._answer()), time.monotonic() - started

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def served() -> Iterator[OneStopServer]:
    with OneStopServer([record(n) for n in range(FIRST)], CLIENT, SECRET) as server:
        yield server


@pytest.fixture
def world(tmp_path: Path, warehouse: str, served: OneStopServer, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(
        tmp_path, warehouse, {"igate": served.url}, monkeypatch, options="page_size: 150, overlap_minutes: 5"
    )


@pytest.fixture
def loader(world: World) -> Iterator[Loader]:
    running = Loader(world)
    yield running
    running.close()


def record(number: int) -> dict[str, Any]:
    """Every 40th breaks a rule, every 50th one is the second version of another."""
    changes: dict[str, Any] = {"KenhThucHien": "9"} if number % 40 == 3 else {}
    return dossier(number, **changes) if number % 50 else {**dossier(number), "MaHoSo": dossier(number + 1)["MaHoSo"]}


def tables(world: World) -> tuple[list[str], list[str], list[Any]]:
    """Raw rows without their batch, quarantined ones without batch and ciphers, the cursor."""
    raw = world.rows("select (to_jsonb(t) - 'batch_id')::text from raw.one_stop_dossier t")
    rejected = world.rows("select (to_jsonb(t) - 'batch_id' - 'rejected_id')::text from quarantine.rejected_row t")
    return (
        sorted(row for (row,) in raw),
        sorted(re.sub(r'enc1:[^"]*', "enc1", row) for (row,) in rejected),
        world.rows("select source_id, entity, cursor from ops.source_cursor"),
    )


def forget_after(world: World, batch: int) -> None:
    """Take the warehouse's tables back to how a batch left them."""
    world.rows(
        f"with a as (delete from raw.one_stop_dossier where batch_id > {batch}),"
        f" b as (delete from quarantine.rejected_row where batch_id > {batch}),"
        " c as (update ops.source_cursor set cursor = l.cursor_after, batch_id = l.batch_id"
        f" from ops.load_batch l where l.batch_id = {batch} and l.source_id = source_cursor.source_id) select 1"
    )


def sessions_left(world: World) -> list[tuple[Any, ...]]:
    """Sessions of the product, and locks of theirs, once the server has had the time to notice that a client died."""
    query = (
        "select a.pid, a.state, l.locktype from pg_stat_activity a left join pg_locks l using (pid)"
        " where a.datname = current_database() and a.application_name = 'onestop'"
    )
    deadline = time.monotonic() + 10
    while (left := world.rows(query)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def test_killed_at_many_instants_then_run_again(world: World, loader: Loader, served: OneStopServer) -> None:
    assert loader.run("reference")[0] == 0
    assert loader.run("ingest")[0] == 0
    before = tables(world)
    first = world.one("select max(batch_id) from ops.load_batch")
    served.commit([record(n) for n in range(FIRST, ALL)])
    code, duration = loader.run("ingest")
    assert code == 0
    complete = tables(world)
    assert (len(before[0]) + len(before[1]), len(complete[0]) + len(complete[1])) == (FIRST, ALL)
    attempts = world.one("select count(*) from ops.ingest_attempt")

    forget_after(world, first)
    assert tables(world) == before
    draw = random.Random(20240923)
    parts = draw.sample(range(KILLS), KILLS)  # of the load's duration, so that instants are spread over all of it
    for kills, part in enumerate(parts):
        if kills % 5 == 4:  # the machine may be busier now, or less so
            code, duration = loader.run("ingest")
            assert (code, tables(world)) == (0, complete)
            forget_after(world, first)
        for _ in range(20):
            code, _ = loader.run("ingest", kill_after=(part + draw.random()) / KILLS * duration)
            assert sessions_left(world) == []
            after = tables(world)
            assert after in (before, complete), f"half a load is left by a kill in part {part} of {duration:.2f} s"
            if after == complete:
                forget_after(world, first)
            if code == -signal.SIGKILL:
                break
            assert code == 0  # it was faster than the kill
            duration *= 0.9
        else:
            pytest.fail("the load could not be killed")

    assert loader.run("ingest")[0] == 0
    assert tables(world) == complete
    assert sessions_left(world) == []
    assert world.one(
        "select count(*) from ops.load_batch where received <> accepted + quarantined + duplicate + refused"
    ) == 0  # fmt: skip
    outcomes = dict(world.rows("select coalesce(outcome, 'open'), count(*) from ops.ingest_attempt group by 1"))
    assert set(outcomes) <= {"loaded", "duplicate", "interrupted"}
    assert outcomes["interrupted"] >= KILLS // 2  # a few were killed before their attempt was noted
    assert sum(outcomes.values()) > attempts + KILLS // 2
    assert loader.run("ingest")[0] == 0
    assert tables(world) == complete


def test_reference_killed_then_run_again(world: World, loader: Loader) -> None:
    def units(count: int) -> None:
        write_csv(
            world.folder / "reference" / "agencies.csv",
            ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", "valid_from", "valid_to"),
            [("H15", "Tỉnh Đắk Lắk", "", "province", "", "", "", "")]
            + [(f"H15.{n:05d}", f"Xã {n}", "", "commune", "H15", "", "", "") for n in range(count - 1)],
        )

    def in_force() -> int:
        return int(
            world.one(
                "select count(*) from raw.agency where batch_id = (select max(batch_id) from ops.load_batch"
                " where source_id = 'reference' and entity = 'agency' and state = 'loaded')"
            )
        )

    units(4000)
    code, duration = loader.run("reference")
    assert (code, in_force()) == (0, 4000)
    units(5000)
    draw = random.Random(7)
    for part in range(4):
        code, _ = loader.run("reference", kill_after=(part + draw.random()) / 4 * duration)
        assert code in (0, -signal.SIGKILL)
        assert sessions_left(world) == []
        assert in_force() in (4000, 5000)
    assert loader.run("reference")[0] == 0
    assert in_force() == 5000
    assert world.one("select count(*) from raw.agency") == 9000
    assert world.one(
        "select count(*) from ops.load_batch where received <> accepted + quarantined + duplicate + refused"
    ) == 0  # fmt: skip
