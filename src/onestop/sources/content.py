"""What a record says, written the same way every time: the bytes that its content hash is made of.

`name US value RS` for each field that holds something, in the order of the names. A text stands as it is, anything
else as JSON behind a mark; the three control characters that this needs are escaped inside names and texts. Absent,
null and empty fields are the same (0 and false are values); so is any order of fields. Of the field that only says
where in a file a record stands (STT), the content holds no more than that it is missing. One record is written by
`content_of`, a chunk's columns all at once by `contents`: byte for byte the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from onestop.sources.table_records import Column

_ESCAPE, _END, _MIDDLE = "\x1d", "\x1e", "\x1f"
_JSON = f"{_ESCAPE}3"
_NUL_IN_JSON = re.compile(rb"\\u0000")
_WITHOUT_PLACE = "missing"
_ESCAPES = str.maketrans({_ESCAPE: f"{_ESCAPE}0", _END: f"{_ESCAPE}1", _MIDDLE: f"{_ESCAPE}2"})


def content_of(record: Mapping[str, Any], place: str | None = None) -> bytes:
    """One record's content.

    Args:
        place: the field that only says where in a file the record stands, if there is one.

    Raises:
        TypeError: it is nested deeper than can be written.
    """
    if place is not None:
        record = {**record, place: place_mark(record.get(place))}
    return "".join(
        f"{name.translate(_ESCAPES)}{_MIDDLE}{_written(record[name])}{_END}"
        for name in sorted(record)
        if is_filled(record[name])
    ).encode()


def place_mark(value: Any) -> str | None:
    """What stands for a record's place in its content: a row that gets its missing number is not the same again."""
    return None if is_filled(value) else _WITHOUT_PLACE


def is_filled(value: Any) -> bool:
    """Whether a delivered value says anything."""
    return bool(value) or isinstance(value, int | float)


def _written(value: Any) -> str:
    """A value that says something, as content. Raises TypeError as `content_of`."""
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    # In a list, so that what can be written here can be written inside its record too.
    return _JSON + orjson.dumps([value], option=orjson.OPT_SORT_KEYS)[1:-1].decode()


@dataclass(frozen=True)
class Written:
    """One field of a chunk's records as content. values: null where empty; marks: how many of them are JSON."""

    values: pa.Array
    marks: int = 0

    @classmethod
    def texts(cls, values: pa.Array) -> Written:
        """Strings as delivered."""
        empty = pc.equal(values, "")
        return cls(pc.if_else(empty, pa.scalar(None, pa.string()), values) if pc.any(empty).as_py() else values)

    @classmethod
    def anything(cls, values: Column) -> Written:
        """Values of any kind. Raises TypeError as `content_of`."""
        if isinstance(values, pa.Array):
            return cls.texts(values)
        array = pa.array([_written(value) if is_filled(value) else None for value in values], pa.string())
        return cls(array, pc.sum(pc.starts_with(array, _JSON)).as_py() or 0)  # no text begins with the mark


def place_marks(values: Column) -> Column:
    """`place_mark` of each."""
    if isinstance(values, pa.Array):
        missing = pc.fill_null(pc.equal(values, ""), True)
        return pc.if_else(missing, pa.scalar(_WITHOUT_PLACE), pa.scalar(None, pa.string()))
    return [place_mark(value) for value in values]


def contents(fields: Mapping[str, Written]) -> Iterator[memoryview] | None:
    """The content of each of a chunk's records; of the field of their place it is given the `place_mark`.

    Returns:
        None where a control character wants escaping or a NUL stands: such a chunk is written one by one.
    """
    parts: list[pa.Array | str] = []
    filled = marks = 0
    for name in sorted(fields):
        if name != name.translate(_ESCAPES):
            return None
        values = fields[name].values
        if values.null_count < len(values):
            if values.null_count:
                parts.append(pc.binary_join_element_wise(f"{name}{_MIDDLE}", values, _END, ""))
            else:
                before = parts.pop() if parts and isinstance(parts[-1], str) else ""
                parts += [f"{before}{name}{_MIDDLE}", values, _END]
            filled += len(values) - values.null_count
            marks += fields[name].marks
    if not parts:
        return iter([memoryview(b"")] * len(next(iter(fields.values())).values))
    joined = joined_rows(parts)
    _, offsets, data = joined.buffers()
    ends = np.frombuffer(offsets, np.int32, len(joined) + 1)
    written = np.frombuffer(data, np.uint8, ends[-1])
    for sign, expected in ((_END, filled), (_MIDDLE, filled), (_ESCAPE, marks), ("\0", 0)):
        if np.count_nonzero(written == ord(sign)) != expected:
            return None
    view = memoryview(data)
    if marks and _NUL_IN_JSON.search(view):
        return None
    return (view[start:end] for start, end in pairwise(ends.tolist()))


def joined_rows(parts: Sequence[pa.Array | str]) -> pa.Array:
    """Row by row the texts that are there, one after the other (Arrow's null_handling="skip" loses rows without any)."""
    return pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")
