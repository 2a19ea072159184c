"""Ninety nights, one after the other: arrivals, corrections, three nights without the source; then one clean load beside.

The province's folder stays until all nights are through, so that a run that was broken off goes on with the next night.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import psycopg
import pytest

from onestop import config
from onestop.sandbox.faults import FaultPlayer
from onestop.sandbox.server import OneStopServer
from onestop.warehouse.embedded import EmbeddedPostgres
from soak.book import ROOT
from soak.place import fingerprint
from soak.player import Player
from soak.runbooks_runs import DOWN
from soak.surroundings import PER_DELIVERY
from worlds import CLIENT, SECRET, dossier, make_world

FOLDER = ROOT / ".local" / "soak-nights"
BEGINS, NIGHTS, OUTAGE = date(2024, 6, 20), 90, range(40, 43)
ARRIVALS, CORRECTIONS = 12, 4
MAINTENANCE_EVERY = 10
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
WARM = 10  # nights after which nothing may grow any more but what is kept on purpose
MOST_GROWTH = 1.25  # of a command's memory
MOST_SERVER_MB, MOST_HANDLES = 100, 1000  # beside its shared buffers; max_files_per_process, of each of its processes
# What is kept on purpose: a night's versions in every table that has them, its log lines, landed pages.
MOST_DISK_A_NIGHT, MOST_ROWS_A_NIGHT = 6 * 2**20, 700
FIGURES = ("report", "mart")
ARRIVED = (*PER_DELIVERY, "mart.quarantine_age")  # what tells of the day on which rows came
_ROWS = "select coalesce(sum(n_live_tup), 0) from pg_stat_user_tables where schemaname = 'ops'"


@dataclass(frozen=True)
class Seen:
    """What a night left: of the commands, the server, the disk.

    The server's memory is what its processes hold for themselves (the shared buffers fill up to their size), its handles those
    of the process that has most: the checkpointer and the I/O workers keep files open, up to PostgreSQL's own limit.
    """

    night: int
    command_mb: float
    server_mb: float
    handles: int
    sessions: int
    disk: int
    ops_rows: int


def arrivals(night: int) -> list[dict[str, Any]]:
    """What the source's clerks enter on the day before a night: new dossiers, ends of earlier ones, one corrected by hand."""
    day = BEGINS + timedelta(days=night)
    first = night * ARRIVALS
    due = f"{day + timedelta(days=7):%Y%m%d}170000"
    new = [
        {
            "NgayNopHoSo": f"{day:%Y%m%d}080000", "NgayTiepNhan": f"{day:%Y%m%d}081500", "NgayHenTraBanDau": due,
            "NgayHenTra": due, "NgayKetThucXuLy": None, "TrangThaiHoSo": "4", "NgayCapNhat": f"{day:%Y%m%d}{10 + n // 6:02d}0000",
            "DonViXuLy": ("H15.07", "H15.21", "H15.21.01")[n % 3], "KenhThucHien": "9" if n == 7 and night % 5 == 0 else "2",
        }
        for n in range(ARRIVALS)
    ]  # fmt: skip
    found = [dossier(first + n, **changes) for n, changes in enumerate(new)]
    for back in (3, 8):  # some days ago: within its appointment, and after it
        if night >= back:
            for n in range(CORRECTIONS):
                old = dict(arrivals_of(night - back, n if back == 3 else CORRECTIONS + n))
                ended = {"NgayKetThucXuLy": f"{day:%Y%m%d}150000", "TrangThaiHoSo": "10", "KenhThucHien": "2"}
                found.append({**old, **ended, "NgayCapNhat": f"{day:%Y%m%d}160000"})
    return found


def arrivals_of(night: int, place: int) -> dict[str, Any]:
    """One of the new dossiers of a night."""
    day = BEGINS + timedelta(days=night)
    due = f"{day + timedelta(days=7):%Y%m%d}170000"
    return dossier(
        night * ARRIVALS + place, NgayNopHoSo=f"{day:%Y%m%d}080000", NgayTiepNhan=f"{day:%Y%m%d}081500",
        NgayHenTraBanDau=due, NgayHenTra=due, DonViXuLy=("H15.07", "H15.21", "H15.21.01")[place % 3],
    )  # fmt: skip


def as_of(night: int) -> str:
    """Two o'clock in the morning after a day."""
    return datetime.combine(BEGINS + timedelta(days=night + 1), time(2), ZONE).isoformat()


def play(stage: object, rng: random.Random, count: int, note: Callable[..., None]) -> None:
    """The next `count` nights (fewer where a run that was broken off played some), the bounds of all so far, and a clean
    load of the same beside them."""
    kept = FOLDER / "nights.json"
    if not kept.exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
    seen = [Seen(**row) for row in json.loads(kept.read_text())] if kept.exists() else []
    with pytest.MonkeyPatch.context() as patch, OneStopServer([], CLIENT, SECRET) as source:
        settings = _settings(patch, source)
        postgres = EmbeddedPostgres(settings.local)
        postgres.start()
        player = Player(FOLDER)
        try:
            for night in range(len(seen)):
                source.commit(arrivals(night))
            for night in range(len(seen), min(len(seen) + count, NIGHTS)):
                seen.append(_night(night, source, player, postgres))
                part = kept.with_suffix(".part")
                part.write_text(json.dumps([vars(one) for one in seen]))
                part.replace(kept)
            followed = fingerprint(postgres.warehouse_dsn, *FIGURES)
            with _empty_warehouse(postgres):
                for words in (("ingest", "reference"), ("ingest", "igate"), ("transform",)):
                    player.run(*words, "--as-of", as_of(len(seen) - 1))
                whole = fingerprint(postgres.warehouse_dsn, *FIGURES)
        finally:
            player.close()
            postgres.stop()
    figures = check(seen)
    differing = sorted(
        table for table in followed if followed[table] != whole.get(table) and not table.startswith(ARRIVED)
    )
    assert not differing, f"not as one clean load: {', '.join(differing)}"
    if len(seen) >= NIGHTS:
        EmbeddedPostgres(settings.local).destroy()
        shutil.rmtree(FOLDER)
    note(count, **figures)


def check(seen: list[Seen]) -> dict[str, float]:
    """The bounds; what was measured against them."""
    assert {one.sessions for one in seen} == {0}, "a session stayed after a night"
    found: dict[str, float] = {}
    if len(seen) < 3 * WARM:
        return found
    before, after = (max(one.command_mb for one in part) for part in (seen[WARM : 3 * WARM], seen[-2 * WARM :]))
    found["command_mb_at_the_end_by_nights_10_to_30"] = after / before
    assert after <= MOST_GROWTH * before, f"a command's memory grew from {before:,.0f} to {after:,.0f} MB"
    for name, most in (("server_mb", MOST_SERVER_MB), ("handles", MOST_HANDLES)):
        found[f"most_{name}"] = max(getattr(one, name) for one in seen)
        assert found[f"most_{name}"] <= most, f"{name}: {found[f'most_{name}']:,.0f}"
    nights = seen[-1].night - seen[WARM].night
    for name, unit, most in (("disk", 2**20, MOST_DISK_A_NIGHT), ("ops_rows", 1, MOST_ROWS_A_NIGHT)):
        a_night = (getattr(seen[-1], name) - getattr(seen[WARM], name)) / nights
        found["MB_of_disk_a_night" if name == "disk" else "rows_of_ops_a_night"] = a_night / unit
        assert a_night <= most, f"{name} grows by {a_night:,.0f} a night"
    return found


def _settings(patch: pytest.MonkeyPatch, source: OneStopServer) -> config.Settings:
    options = "page_size: 40, quarantine_limit: 1, retry_budget_seconds: 1, timeout_seconds: 1"
    world = make_world(FOLDER, "unused", {"igate": source.url}, patch, options=options)
    patch.delenv("ONESTOP_WAREHOUSE_DSN")
    return config.load(world.settings.file)


def _held(server: psutil.Process) -> tuple[int, int]:
    """Bytes that the server's processes hold for themselves, and the handles of the one that has most."""
    private, handles = 0, 0
    for process in (server, *server.children()):
        with suppress(psutil.NoSuchProcess):  # one of autovacuum's that has just ended
            private += process.memory_full_info().uss
            handles = max(handles, process.num_fds())
    return private, handles


def _night(night: int, source: OneStopServer, player: Player, postgres: EmbeddedPostgres) -> Seen:
    source.commit(arrivals(night))
    moment = ("--as-of", as_of(night))
    if night == 0:
        player.run("ingest", "reference", *moment)
    if night in OUTAGE:
        source.faults = FaultPlayer(DOWN)
        player.start("ingest", "igate", *moment)
        code, printed = player.finish()
        source.faults = None
        assert code, f"a source that is down was read: {printed}"
    else:
        player.run("ingest", "igate", *moment)
    player.run("transform", *moment)
    command = player.peak_mb
    player.start("watch", *moment)
    player.finish()
    if night % MAINTENANCE_EVERY == MAINTENANCE_EVERY - 1:
        player.run("maintenance")
    with closing(psycopg.connect(postgres.warehouse_dsn, autocommit=True)) as connection:
        connection.execute("analyze")
        ((sessions,),) = connection.execute(
            "select count(*) from pg_stat_activity where application_name like 'onestop%' and pid <> pg_backend_pid()"
        ).fetchall()
        ((size, rows),) = connection.execute(f"select pg_database_size(current_database()), ({_ROWS})").fetchall()
    private, handles = _held(psutil.Process(postgres.status()["pid"]))
    return Seen(
        night=night,
        command_mb=command,
        server_mb=private / 2**20,
        handles=handles,
        sessions=sessions,
        disk=size + _size(FOLDER / ".local" / "landing") + _size(FOLDER / ".local" / "logs"),
        ops_rows=int(rows),
    )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


@contextmanager
def _empty_warehouse(postgres: EmbeddedPostgres) -> Iterator[None]:
    """Another, empty one in the place of the warehouse, as long as the block lasts."""

    def do(*statements: str) -> None:
        with closing(psycopg.connect(postgres.admin_dsn, autocommit=True)) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    do("alter database onestop rename to onestop_nights", "create database onestop owner onestop template template0")
    try:
        yield
    finally:
        do("drop database onestop with (force)", "alter database onestop_nights rename to onestop")
