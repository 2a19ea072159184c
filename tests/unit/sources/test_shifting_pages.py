"""A list that is changed between any two requests, by chance and by malice, is read without a loss."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestop.clock import STAMP
from onestop.errors import SourceUnavailable
from onestop.sources.shifting_pages import SMALLEST_PAGE_SIZE, ShiftingPages, Slice, straddling

SIZE = 20
EPOCH = datetime(1970, 1, 1)
Meddle = Callable[["World"], None]


@dataclass
class World:
    """A source in memory. Cases are code -> (created, changed); moments are ticks of one clock."""

    count: int
    order: str = "changed"
    own_size: int | None = None
    meddle: Meddle = lambda world: None
    tick: int = 1000
    requests: int = 0
    since: int = 0
    last_pass_at: int = 0
    cases: dict[str, tuple[int, int]] = field(default_factory=dict)
    answers: list[Slice] = field(default_factory=list)

    def __post_init__(self) -> None:
        for _ in range(self.count):
            self.create()

    def create(self) -> None:
        self.tick += 1
        self.cases[f"c{self.tick}"] = (self.tick, self.tick)

    def change(self, code: str) -> None:
        self.tick += 1
        self.cases[code] = (self.cases[code][0], self.tick)

    def withdraw(self, code: str) -> None:
        self.tick += 1
        del self.cases[code]

    def listed(self, since: int = 0) -> list[str]:
        at = 0 if self.order == "created" else 1
        return sorted(
            (c for c, t in self.cases.items() if t[1] >= since), key=lambda c: self.cases[c][at], reverse=True
        )

    def ask(self, since: str, page: int, size: int) -> Slice:
        if self.requests:
            self.meddle(self)
        self.requests += 1
        if self.requests == 1 or int(since) != self.since:
            self.since, self.last_pass_at = int(since), self.tick
        size = min(size, self.own_size) if self.own_size else size
        codes = self.listed(int(since))
        records = [self.record(code) for code in codes[(page - 1) * size : page * size]]
        return Slice(b"", records, page, -(-len(codes) // size))

    def record(self, code: str) -> dict[str, Any]:
        return {"code": code, "changed": str(self.cases[code][1])}

    def read(self, size: int = SIZE) -> set[tuple[str, str]]:
        pages = ShiftingPages(
            "pakn",
            self.ask,
            since_of=lambda stamp: str(int((datetime.strptime(stamp, STAMP) - EPOCH).total_seconds())),
            stamp_of=lambda record: (EPOCH + timedelta(seconds=int(record["changed"]))).strftime(STAMP),
            key_of=lambda record: (record["code"], record["changed"]),
            page_size=size,
        )
        self.answers = list(pages.read("0"))
        return {(r["code"], r["changed"]) for answer in self.answers for r in answer.records}

    def lost(self, got: set[tuple[str, str]]) -> set[str]:
        """Cases whose version of now was not read, though it was there when the last pass began."""
        return {c for c, (_, t) in self.cases.items() if t <= self.last_pass_at and (c, str(t)) not in got}


ORDERS = pytest.mark.parametrize("order", ["changed", "created"])


def at_most(times: int, meddle: Meddle) -> Meddle:
    left = [times]

    def limited(world: World) -> None:
        if left[0]:
            left[0] -= 1
            meddle(world)

    return limited


def slip(world: World) -> None:
    """The newest case goes: the first of each later page slips over its border."""
    world.withdraw(world.listed()[0])


def slip_unseen(world: World) -> None:
    """One goes and one comes: the top pages look as if nothing slipped, those between have moved and moved back."""
    world.withdraw(world.listed()[len(world.cases) // 3])
    if world.requests % 2:
        world.create()


def to_the_top(world: World) -> None:
    """The oldest, unread, moves to where the read has been."""
    world.change(world.listed()[-1])


def from_the_middle(world: World) -> None:
    world.change(world.listed()[world.requests * 7 % len(world.cases)])


def avalanche(world: World) -> None:
    for code in world.listed()[:15]:
        world.withdraw(code)


def plain_paging(world: World) -> set[tuple[str, str]]:
    got: set[tuple[str, str]] = set()
    page = 1
    while True:
        answer = world.ask("0", page, SIZE)
        got |= {(r["code"], r["changed"]) for r in answer.records}
        if page >= answer.pages:
            return got
        page += 1


def test_a_short_list_is_one_request() -> None:
    for count in (0, 1, SIZE):
        world = World(count)
        assert len(world.read()) == count and world.requests == 1


@ORDERS
@pytest.mark.parametrize("count", [SIZE + 1, 199, 200, 2520])
def test_a_quiet_list_is_read_once_and_looked_at_once_more(order: str, count: int) -> None:
    world = World(count, order)
    assert len(world.read()) == count
    assert world.requests <= count / SIZE * 1.5 + 3
    assert world.since > 0 and len(world.answers[-1].records) <= 2


def test_with_large_pages_overlapping_costs_little() -> None:
    world = World(20_000)
    assert len(world.read(200)) == 20_000
    assert world.requests < 120


@ORDERS
@pytest.mark.parametrize("meddle", [World.create, slip, slip_unseen, to_the_top, from_the_middle, avalanche])
@pytest.mark.parametrize("times", [1, 10, 25])
def test_nothing_is_lost_whatever_happens_between_requests(order: str, meddle: Meddle, times: int) -> None:
    world = World(500, order, meddle=at_most(times, meddle))
    got = world.read()
    assert not world.lost(got)
    assert world.requests < 200


def test_these_meddlers_make_plain_paging_lose() -> None:
    for meddle in (slip, slip_unseen, to_the_top):
        world = World(500, meddle=at_most(25, meddle))
        got = plain_paging(world)
        assert [c for c, (_, t) in world.cases.items() if (c, str(t)) not in got]


def test_meddling_that_never_ends_does_not_either() -> None:
    """One change a request: each pass is shorter than the one before, down to one page that shows everything."""
    world = World(2000, meddle=from_the_middle)
    got = world.read()
    assert got >= {(c, str(t)) for c, (_, t) in world.cases.items()}
    assert world.answers[-1].pages == 1


def flood(world: World) -> None:
    for _ in range(3 * SIZE):
        world.create()


def test_a_flood_is_given_up_in_bounded_time() -> None:
    world = World(500, meddle=flood)
    with pytest.raises(SourceUnavailable, match="pakn: the list of cases changes faster than it can be read") as caught:
        world.read()
    assert "Next step" in str(caught.value) and world.requests < 3000


def test_a_list_without_end_is_given_up() -> None:
    world = World(500)
    whole = world.ask
    world.ask = lambda since, page, size: Slice(b"", whole(since, 1, size).records, page, page + 1)  # type: ignore[method-assign]
    with pytest.raises(SourceUnavailable, match="goes round: after"):
        world.read()
    assert world.requests < 200


OPERATION = st.tuples(st.sampled_from(["create", "change", "withdraw"]), st.floats(0, 0.999))


@ORDERS
@settings(max_examples=150, deadline=None)
@given(
    count=st.integers(0, 160),
    script=st.lists(st.lists(OPERATION, max_size=12), max_size=30),
    seed=st.integers(0, 999),
)
def test_any_script_of_changes(order: str, count: int, script: list[list[tuple[str, float]]], seed: int) -> None:
    steps = iter(script)
    draw = random.Random(seed)

    def play(world: World) -> None:
        for what, where in next(steps, []):
            codes = world.listed()
            if what == "create" or not codes:
                world.create()
            elif what == "change":
                world.change(codes[int(where * len(codes))])
            else:
                world.withdraw(codes[int(where * draw.random() * len(codes))])

    world = World(count, order, meddle=play)
    assert not world.lost(world.read())


@pytest.mark.parametrize("own_size", [1, 3, 7, 19])
@pytest.mark.parametrize("meddle", [World.create, to_the_top, from_the_middle])
def test_a_server_with_pages_of_its_own_size_loses_nothing_either(own_size: int, meddle: Meddle) -> None:
    world = World(100, own_size=own_size, meddle=at_most(12, meddle))
    assert not world.lost(world.read())


def test_a_case_that_slips_in_pages_of_their_own_size_is_found_by_the_second_pass() -> None:
    world = World(100, own_size=7, meddle=at_most(5, slip))
    assert not world.lost(world.read())


def test_a_server_that_ignores_page_size_is_noticed_at_the_second_page() -> None:
    world = World(100)
    asked = world.ask
    world.ask = lambda since, page, size: asked(since, page, SIZE)  # type: ignore[method-assign]
    assert len(world.read()) == 100


def test_every_position_can_be_straddled() -> None:
    for size in (SMALLEST_PAGE_SIZE, 21, 50, 200):
        margin = max(1, size // 20)
        for end in range(size, 30_000, 7):
            page, chosen = straddling(end, margin, size)
            begin = (page - 1) * chosen
            assert begin <= end - margin and end < begin + chosen and chosen <= size


def test_smaller_pages_are_refused() -> None:
    with pytest.raises(ValueError, match="less than 20"):
        World(1).read(SMALLEST_PAGE_SIZE - 1)
