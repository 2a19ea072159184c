"""Whatever JSON a source puts into a dossier: no load crashes, every row is accounted for, twice is once."""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.feed import Record
from onestop.sandbox.server import OneStopServer
from onestop.specs import load_spec
from worlds import CLIENT, SECRET, World, dossier, make_world

pytestmark = pytest.mark.integration
AS_OF = datetime.fromisoformat("2024-08-30T08:00:00+07:00")
SPEC = load_spec("one_stop_dossier")
NAMES = [field.field for field in SPEC.fields]
ITEMS = sorted({item.field for field in SPEC.fields for item in field.items})
TOO_LARGE = "a number too large for any machine"

text = st.text(st.characters(exclude_categories=[]), max_size=12) | st.sampled_from(
    ["\0", "\\u0000", "\ud800", "1", "20240829100000", "\ufeff", "a\n\\.\nb", '"', "{}", "[]", '[{"Gia": "1\\u0000"}]', "\x85", "NaN"]
)  # fmt: skip
number = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(TOO_LARGE)
anything = st.recursive(
    st.none() | st.booleans() | number | text,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(text | st.sampled_from(NAMES + ITEMS), inner, max_size=3)
    ),
    max_leaves=6,
)
rows = st.dictionaries(st.sampled_from(NAMES), anything, min_size=1, max_size=6) | st.dictionaries(text, anything)


class Source:
    """A source whose answers hold any JSON; what it serves always lies in the range that is asked for."""

    def __init__(self, world: World, server: OneStopServer) -> None:
        self.world, self._server, self._served = world, server, 0

    def deliver(self, *bodies: bytes) -> None:
        """Load these records beside a good one, and the same again."""
        self._server.commit(
            Record("20240829100000", f"{self._served + place:09d}", body)
            for place, body in enumerate((*bodies, written(dossier(self._served % 9000))))
        )
        self._served += len(bodies) + 1
        first = ingest(self.world.settings, "igate", as_of=AS_OF)
        assert first.received == self._served
        assert first.received == first.accepted + first.quarantined + first.duplicate + first.refused
        again = ingest(self.world.settings, "igate", as_of=AS_OF)
        assert (again.received, again.accepted, again.quarantined) == (self._served, 0, 0)


def written(value: Any) -> bytes:
    """JSON text as careless systems write it: lone surrogates, numbers beyond any range, deep nesting."""
    content = json.dumps(value).replace(f'"{TOO_LARGE}"', "-1e400")
    return re.sub(r'"nested (\d+)"', lambda found: nested(int(found[1])), content).encode()


def nested(levels: int) -> str:
    """JSON of lists and objects in each other; no library writes this many levels."""
    return '{"Gia":[' * (levels // 2) + "1" + "]}" * (levels // 2)


@pytest.fixture
def source(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    with OneStopServer([], CLIENT, SECRET) as server:
        options = "quarantine_limit: 1, overlap_minutes: 10080, retry_budget_seconds: 0, page_size: 20"
        world = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch, options=options)
        ingest_reference(world.settings, as_of=AS_OF)
        yield Source(world, server)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(changes=st.lists(rows, min_size=20, max_size=40))
def test_any_value_in_any_field(source: Source, changes: list[dict[str, Any]]) -> None:
    source.deliver(*(written({**dossier(place), **change}) for place, change in enumerate(changes)))


def test_what_would_break_a_careless_loader(source: Source) -> None:
    draw = random.Random(1)
    long = "".join(draw.choices(string.ascii_letters + "ạảãăđêô", k=1_000_000))
    bodies = [
        written({}),
        b'{"MaHoSo": "H15.07-240823-0001", "MaHoSo": null, "MaHoSo": "H15.07-240823-0002"}',
        *(written(dossier(10, **{name: long})) for name in NAMES),
        *(written(dossier(10, DaXoa="1", **{name: long})) for name in NAMES if name != "DaXoa"),
        *(written(dossier(11, **{name: "nested 950"})) for name in [*NAMES, "LaLung"]),
        *(written(dossier(11, **{name: f"nested {levels}"})) for name in NAMES for levels in (98, 100, 102, 240, 260)),
        *(written(dossier(12, **{name: nested(levels)})) for name in NAMES for levels in (99, 260, 960)),
        *(written(dossier(13, **{name: [{"Gia": "1", item: "\0x", "Lạ\0": 1}]})) for name in NAMES for item in ITEMS),
        *(written(dossier(14, **{name: json.dumps([{item: "\0x"}])})) for name in NAMES for item in ITEMS),
        *(written(dossier(15, **{name: value})) for name in NAMES for value in ("\0", "a\0b", " \0 ", "\\u0000")),
        *(written(dossier(16, DaXoa="1", NgayCapNhat=value)) for value in ("2024\n08", "\0", "", None, 7, [], {"a": 1})),
        *(written(dossier(17, **{name: TOO_LARGE})) for name in NAMES),
        *(written(dossier(18, **{name: "\ud800"})) for name in NAMES),
        *(written(dossier(19, **{name: "a\n\\.\n\"b\r\n,c"})) for name in NAMES),
        written(dossier(20, DanhSachLePhi=[{"Gia": 1.7e308}, {"Gia": 10**30}])),
    ]  # fmt: skip
    source.deliver(*bodies)
    assert source.world.one("select count(*) from raw.one_stop_dossier") > 0


def test_a_source_that_lived_before_time_does_not_stop_the_next_run(source: Source) -> None:
    """The oldest moment that can be read lies before any range that can be asked for."""
    source._server.commit([Record("20240829100000", "x", written(dossier(1, NgayCapNhat="00010101000000")))])
    for _ in range(2):
        assert ingest(source.world.settings, "igate", as_of=AS_OF).received == 1


def test_a_range_without_a_moment_does_not_end_the_first_load(source: Source) -> None:
    nothing = ingest(source.world.settings, "igate", as_of=AS_OF, since="20300101000000")
    assert (nothing.received, nothing.state) == (0, "loaded")
    source.deliver(written(dossier(1)))
    assert source.world.rows("select is_first_load from ops.load_batch where source_id = 'igate' order by batch_id")[
        :3
    ] == [(True,), (True,), (False,)]
