"""All faults by name: in words, how often `make soak` plays each, what gets over it, and how it is played."""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from soak import airflow_faults, cluster_faults, instants, nights, runbooks, surroundings
from soak.book import Book
from soak.place import Place, place

AGAIN = "the same command again"
ALONE = "nothing: it goes on by itself"
Note = Callable[..., None]  # how many came out right, and figures
Play = Callable[["Stage", random.Random, int, Note], None]


class Stage:
    """The places that faults are played in, each made when the first fault needs it."""

    def __init__(self) -> None:
        self._stack, self._places = ExitStack(), dict[bool, Place]()
        self.settling = 0.0  # seconds that making them took

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def place(self, *, small_disks: bool = False) -> Place:
        """The province told twice; on small disks of its own, if wanted."""
        if small_disks not in self._places:
            began = time.monotonic()
            self._places[small_disks] = self._stack.enter_context(place(small_disks=small_disks))
            self.settling += time.monotonic() - began
        return self._places[small_disks]


@dataclass(frozen=True)
class Fault:
    """One line of docs/reliability.md."""

    words: str
    wanted: int
    mended: str
    play: Play


def at_instants(step: str, act: instants.Act) -> Play:
    """Struck so many times at random instants of a step."""

    def play(stage: Stage, rng: random.Random, count: int, note: Note) -> None:
        instants.series(stage.place(), step, [act] * count, rng, lambda: note(1))

    return play


def on_a_full_disk(step: str, which: str, most_kilobytes: int) -> Play:
    """A step with little room: counted where there was not enough of it."""

    def play(stage: Stage, rng: random.Random, count: int, note: Note) -> None:
        here = stage.place(small_disks=True)
        tries = 0
        while count:
            tries += 1
            assert tries < 20 + 10 * count, "the disk is never too small"
            if surroundings.full_disk(here, step, here.folder / which, most_kilobytes, rng):
                note(1)
                count -= 1

    return play


def locked(seconds: float) -> Play:
    """A reader's lock, held so long."""

    def play(stage: Stage, rng: random.Random, count: int, note: Note) -> None:
        for _ in range(count):
            found = surroundings.reader_holds_a_lock(stage.place(), seconds)
            note(1, build_seconds=found["build"], other_reader_waited_seconds=found["reader"])

    return play


def several(once: Callable[[Place], object]) -> Play:
    """The same, so many times."""

    def play(stage: Stage, rng: random.Random, count: int, note: Note) -> None:
        for _ in range(count):
            once(stage.place())
            note(1)

    return play


def by_a_newcomer(stage: Stage, rng: random.Random, count: int, note: Note) -> None:
    """Each runbook whose fault can be played, from its alert on."""
    missing = list(runbooks.PLAYED)[-count:]
    for _ in runbooks.play({kind: runbooks.PLAYED[kind] for kind in missing}):
        note(1)


def in_airflow(once: Callable[[], dict[str, float]]) -> Play:
    """The same in a platform of its own."""

    def play(stage: Stage, rng: random.Random, count: int, note: Note) -> None:
        for _ in range(count):
            note(1, **once())

    return play


FAULTS: dict[str, Fault] = {
    "kill_ingest": Fault("`kill -9` at a random instant of an ingest", 80, AGAIN, at_instants("ingest", instants.kill)),
    "kill_publish": Fault(
        "`kill -9` at a random instant of restate, approve, publish", 80, AGAIN, at_instants("publish", instants.kill)
    ),
    "kill_transform": Fault(
        "`kill -9` at a random instant of a build: the command, dbt, or both", 40, AGAIN,
        at_instants("transform", instants.kill),
    ),
    "server_ingest": Fault(
        "PostgreSQL's postmaster killed during an ingest (COPY)", 30, AGAIN, at_instants("ingest", instants.kill_server)
    ),
    "server_publish": Fault(
        "PostgreSQL's postmaster killed during restate, approve, publish", 30, AGAIN, at_instants("publish", instants.kill_server)
    ),
    "server_transform": Fault("PostgreSQL's postmaster killed during dbt", 30, AGAIN, at_instants("transform", instants.kill_server)),
    "cut_ingest": Fault("all connections cut during an ingest", 20, AGAIN, at_instants("ingest", instants.cut)),
    "cut_publish": Fault("all connections cut during restate, approve, publish", 20, AGAIN, at_instants("publish", instants.cut)),
    "cut_transform": Fault("all connections cut during dbt", 20, AGAIN, at_instants("transform", instants.cut)),
    "disk_landing": Fault(
        "disk full for the landing, during an ingest", 10, f"room, then {AGAIN}", on_a_full_disk("ingest", "landing", 40)
    ),
    "disk_ingest": Fault(
        "disk full for the database, during an ingest", 10, f"room, then {AGAIN}", on_a_full_disk("ingest", ".local", 600)
    ),
    "disk_transform": Fault(
        "disk full for the database, during a build", 10, f"room, then {AGAIN}",
        on_a_full_disk("transform", ".local", 24_000),
    ),
    "lock": Fault("a reader holds a lock on the marts for 10 minutes, during a build", 1, ALONE, locked(600)),
    "at_once": Fault(
        "two ingests of one source, a backfill and a `run`, all at once", 5, ALONE, several(surroundings.all_at_once)
    ),
    "clock_behind": Fault(
        "the clock an hour behind for a night", 3, ALONE, several(lambda here: surroundings.clock_off(here, -1))
    ),
    "clock_ahead": Fault(
        "the clock an hour ahead for a night", 3, ALONE, several(lambda here: surroundings.clock_off(here, 1))
    ),
    "broken_dag": Fault(
        "a broken DAG file beside good ones", 1, ALONE, in_airflow(airflow_faults.broken_dag)
    ),
    "scheduler": Fault(
        "the scheduler killed while a task runs", 3, "`onestop up`", in_airflow(airflow_faults.scheduler_killed)
    ),
    "triggerer": Fault(
        "the triggerer killed while a report waits for its answer", 1, "nothing: no task waits in one",
        in_airflow(cluster_faults.triggerer_killed),
    ),
    "celery_worker": Fault(
        "a Celery worker killed while a task runs", 3, "nothing: the other worker does it",
        in_airflow(cluster_faults.worker_killed),
    ),
    "runs_of_one_dag": Fault(
        "two runs of one DAG, its backfill and a command by hand at once", 1, ALONE, in_airflow(airflow_faults.runs_at_once)
    ),
    "runbooks": Fault(
        "a newcomer pastes a runbook's commands, one per kind of alert", len(runbooks.PLAYED),
        "the [runbooks](runbooks/README.md)", by_a_newcomer,
    ),
    "nights": Fault(
        "ninety nights with arrivals, corrections and one outage, then one clean load", 90, ALONE, nights.play
    ),
}  # fmt: skip


def play(stage: Stage, book: Book, name: str, wanted: int, seed: int) -> bool:
    """Play what is missing of a fault; whether all came out right."""
    fault, noted = FAULTS[name], time.monotonic() - stage.settling

    def note(count: int, **figures: float) -> None:
        nonlocal noted
        now = time.monotonic() - stage.settling
        book.note(name, count, now - noted, **figures)
        noted = now

    missing = wanted - book.entry(name).done
    if missing <= 0:
        return True
    try:
        fault.play(stage, random.Random(seed), missing, note)
    except Exception as wrong:  # the other faults are played all the same
        said = str(wrong).splitlines() or [type(wrong).__name__]
        book.fail(name, said[0][:200] + (f" … {said[-1][-200:]}" if said[1:] else ""))
        if not isinstance(wrong, AssertionError):
            traceback.print_exc()
        return False
    return True
