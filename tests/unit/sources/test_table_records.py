"""A table's columns read as records, and the same records read one by one, are the same to everything."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from onestop.pipeline.entities import some
from onestop.sources.records import Shaped, shape
from onestop.sources.table_parts import Chunk
from onestop.sources.table_records import TableRecords
from onestop.specs import load_spec

SPEC = load_spec("portal_dossier")
KEY = b"a key for the tests only, 32 byte"
FIELDS = ["STT", "MaHoSo", "TenTTHC", "NgayTiepNhan", "TrangThaiHoSo", "Cột lạ"]

cell = st.none() | st.integers(-5, 5) | st.sampled_from(["", "a", "ế", "20240823080000", "h15 .07", "\x1e", "\0", "9"])
extra = st.dictionaries(
    st.sampled_from(["_surplus", "(cột 7)", "MaHoSo"]), st.lists(st.text(max_size=2), min_size=1), max_size=2
)


@st.composite
def chunks(draw: st.DrawFn) -> list[Chunk]:
    made = []
    for _ in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, 4))
        values = [draw(st.lists(cell, min_size=size, max_size=size)) for _ in FIELDS]
        places = draw(st.lists(st.integers(0, size - 1), max_size=2, unique=True))
        made.append(Chunk(list(range(size)), FIELDS, values, {str(p): draw(extra) for p in places}))
    return made


def facts(shaped: Shaped) -> tuple[Any, ...]:
    return (
        {name: column.to_pylist() for name, column in shaped.columns.items()},
        {name: good.tolist() for name, good in shaped.dates.items()},
        shaped.unreadable_dates.tolist(), shaped.legacy_texts.tolist(), dict(shaped.not_text), shaped.content_hash,
        shaped.delivered_key, [dict(record) for record in shaped.records],
    )  # fmt: skip


@given(chunks(), st.data())
@settings(deadline=None)
def test_columns_and_records_are_read_alike(parts: list[Chunk], data: st.DataObject) -> None:
    one_by_one = [record for part in parts for record in part.records()]
    table = TableRecords.joined(parts)
    assert list(table) == one_by_one == [table[place] for place in range(len(table))] == table[:]
    assert table.names == set().union(*one_by_one)
    for name in (*FIELDS, "_surplus", "(cột 7)", "no field"):
        assert list(table.values(name)) == [record.get(name) for record in one_by_one]
    by_column = shape(table, SPEC, first_row=1, hash_key=KEY)
    assert facts(by_column) == facts(shape(one_by_one, SPEC, first_row=1, hash_key=KEY))
    places = np.array(sorted(data.draw(st.sets(st.integers(0, len(table) - 1)))), dtype=np.intp)
    kept = [one_by_one[place] for place in places]
    assert list(table.some(places)) == kept
    if kept:
        assert facts(some(by_column, places)) == facts(shape(kept, SPEC, first_row=1, hash_key=KEY))
