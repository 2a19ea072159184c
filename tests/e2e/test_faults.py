"""Every fault of `make soak` played once, cheaply: one night of a small province, struck in each of its steps.

Also played: ten kills of a larger ingest (test_killed), a full disk for the landing (test_clear_messages), broken DAG files (dags/),
a worker, the scheduler and the triggerer killed (test_cluster).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from soak import checks, disks, instants, surroundings
from soak.book import DOCUMENT, Book
from soak.faults import FAULTS
from soak.place import Place, place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
EACH = (instants.kill, instants.kill_server, instants.cut)


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    with place(nights=1, small_disks=disks.may_mount()) as made:
        yield made


@pytest.fixture
def rng() -> random.Random:
    return random.Random(20240925)


@pytest.mark.parametrize("step", ["ingest", "publish"])
def test_a_step_is_struck_in_each_way_and_called_again(here: Place, rng: random.Random, step: str) -> None:
    instants.series(here, step, EACH, rng)


def test_a_build_is_struck_in_each_way_and_waits_for_a_reader_s_lock(here: Place, rng: random.Random) -> None:
    here.back_to("transform")
    here.seconds["transform"] /= 2  # the first half of it alone, for the time's sake
    for act in EACH:
        instants.struck(here, "transform", act, rng)
        checks.kept(here, "transform")
    instants.mended(here, "transform")
    seconds = 12
    found = surroundings.reader_holds_a_lock(here, seconds, again=False)
    assert found["build"] >= seconds
    assert found["reader"] < 5, "who waits for a table lets other readers through"


def test_a_full_disk_of_the_database(here: Place, rng: random.Random) -> None:
    if not disks.may_mount():
        pytest.skip("NOT RUN: only root with the right to mount can make a small disk")
    assert surroundings.full_disk(here, "ingest", here.folder / ".local", 200, rng)


def test_ingests_and_a_backfill_at_once(here: Place) -> None:
    surroundings.all_at_once(here, with_build=False)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_off(here: Place, hours: int) -> None:
    surroundings.clock_off(here, hours, with_build=False)


def test_the_document_has_the_figures_of_what_was_played() -> None:
    text, book = DOCUMENT.read_text(encoding="utf-8"), Book()
    assert set(book.entries) <= set(FAULTS)
    for name, (words, wanted) in {n: (f.words, f.wanted) for n, f in FAULTS.items()}.items():
        done = book.entry(name).done
        assert f"| {words} | " + (f"{done} of {wanted} |" if done else "**not yet run**") in text
