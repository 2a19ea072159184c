"""Faults of what lies around: a disk without room, a reader that holds a lock, several runs at once, a wrong clock."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from soak import checks, instants
from soak.disks import filled
from soak.place import PERIOD, Place

PER_DELIVERY = ("mart.quality_", "mart.source_scorecard")  # what tells of each delivery: there were more of them
_READ = "select (select count(*) from mart.fct_dossier), (select count(*) from mart.metric_mark)"


def full_disk(here: Place, step: str, disk: Path, most_kilobytes: int, rng: random.Random) -> bool:
    """Run a step with little room, drawn anew; then with room again. Whether the disk was too small for it."""
    here.postgres.start()
    here.back_to(step)
    with filled(disk, rng.randrange(most_kilobytes)):
        for words in here.steps[step]:
            here.player.start(*words)
            code, printed = here.player.finish()
            if code:
                checks.clear(printed)
                break
    here.postgres.start()
    checks.kept(here, step)
    instants.mended(here, step)
    return bool(code)


def reader_holds_a_lock(here: Place, seconds: float, *, again: bool = True) -> dict[str, float]:
    """A reader's transaction keeps its look at the marts open while a build wants to replace them.

    Returns:
        how long the build took, and how long another reader waited at most for a count meanwhile.
    """
    if again:
        here.back_to("transform")
    waited = [0.0]
    over = threading.Event()

    def read_now_and_then() -> None:
        with closing(psycopg.connect(here.postgres.warehouse_dsn, autocommit=True)) as connection:
            while not over.wait(0.2):
                began = time.monotonic()
                connection.execute(_READ).fetchone()
                waited[0] = max(waited[0], time.monotonic() - began)

    with closing(psycopg.connect(here.postgres.warehouse_dsn)) as reader:
        reader.execute(_READ).fetchone()
        other = threading.Thread(target=read_now_and_then)
        other.start()
        began = time.monotonic()
        here.player.start(*here.steps["transform"][0])
        ended_early = here.player.wait(seconds)
        if ended_early is None:
            reader.rollback()
        code, printed = here.player.finish() if ended_early is None else (ended_early, here.player.printed())
        took = time.monotonic() - began
        over.set()
        other.join()
    assert code == 0, printed[-2000:]
    checks.same(here, "transform")
    return {"build": took, "reader": waited[0]}


def all_at_once(here: Place, *, with_build: bool = True) -> None:
    """Two runs of the source's ingest, a backfill and a run by hand begin together; whoever comes later waits, nobody doubles."""
    here.back_to("ingest")
    backfill = ("--from", "2024-08-01", "--to", "2024-10-10", "--reason", "a soak", "--as-of", here.now)
    orders = (
        *(here.steps["ingest"][0],) * 2,
        ("backfill", "igate", *backfill),
        *((("run", "--period", PERIOD, "--as-of", here.now),) if with_build else ()),
    )
    pids = []
    for words in orders:
        here.player.start(*words)
        pids.append(here.player.pid)
    for pid, words in zip(pids, orders, strict=True):
        code, printed = here.player.finish(pid)
        assert code == 0, f"{words}: {printed[-2000:]}"
    if with_build:
        checks.same(here, "transform", but=PER_DELIVERY)
    else:
        checks.kept(here, "transform")


def clock_off(here: Place, hours: int, *, with_build: bool = True) -> None:
    """A night whose machine has a wrong clock, then one with the right one: as if it had been right all the time."""
    right = datetime.fromisoformat(here.now)
    here.back_to("ingest")
    here.player.run("ingest", "igate", "--as-of", (right + timedelta(hours=hours)).isoformat())
    checks.ledger(here)
    here.player.run(*here.steps["ingest"][0])
    now, wanted = (
        checks.part(found, "raw", "quarantine")
        for found in (here.fingerprint("raw", "quarantine"), here.after["ingest"])
    )
    checks.ledger(here)
    assert now == wanted, checks.differing(now, wanted)
    if with_build and hours <= 0:  # with a clock ahead, what was taken in counts once the right clock has come so far
        here.player.run(*here.steps["transform"][0])
        checks.same(here, "transform", but=PER_DELIVERY)
