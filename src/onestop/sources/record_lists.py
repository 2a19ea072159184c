"""List fields of a chunk's records -> JSON text without their personal parts, all elements of a field at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from onestop.sources.content import joined_rows
from onestop.sources.text import legacy_text, readable, strings_by_field, text_array
from onestop.specs import Item

DEEPEST = 100  # levels of a record that are kept; no real one has more than four
_PLAIN_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_WANTS_ESCAPES = r'["\\\x{0}-\x{1F}]'
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ShapedList:
    """One list field of n records: its JSON texts (null when empty), and per record how many faults are in it."""

    texts: pa.Array
    unreadable_dates: Counts
    bad_amounts: Counts
    legacy_texts: Counts


def shape_list(values: Sequence[Any], item: Item) -> ShapedList:
    """Bring a list field into columns.

    A value that is no list of objects counts as one unreadable date: the dates in it cannot be read.

    Args:
        values: as delivered, without NUL.
    """
    size = len(values)
    unreadable = np.zeros(size, dtype=np.int64)
    elements: list[dict[str, Any]] = []
    places: list[int] = []
    ends: list[int] = [0]
    for place, value in enumerate(values):
        if not value:
            continue
        found = _elements(value)
        if found is None:
            unreadable[place] = 1
        elif found:
            elements += found
            places.append(place)
            ends.append(len(elements))
    if not elements:
        zeros = np.zeros(size, dtype=np.int64)
        return ShapedList(pa.nulls(size, pa.string()), unreadable, zeros, zeros)
    owners = np.repeat(places, np.diff(ends))
    bad_amounts, legacy = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    texts, _ = strings_by_field(elements, [part.field for part in item.items if part.kind != "number"])
    written = []
    for part in item.items:
        if part.kind == "number":
            amounts = [raw.strip() if isinstance(raw, str) else raw for raw in (e.get(part.field) for e in elements)]
            bad_amounts += _count(owners, [not plain_number(amount) for amount in amounts], size)
            shown = pa.array([orjson.dumps(amount).decode() for amount in amounts], pa.string())
        else:
            array = text_array(texts[part.field])
            if part.kind == "date":
                unreadable += _count(owners, _present(array) & ~readable(array), size)
            else:
                legacy += _count(owners, legacy_text(array), size)
            if part.personal:
                continue
            shown = _quoted(array)
        written.append(pc.binary_join_element_wise(f',"{part.field}":', shown, ""))
    objects = pc.binary_join_element_wise("{", pc.ascii_ltrim(joined_rows(written), ","), "}", "")
    lists = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), objects), ",")
    kept = pc.binary_join_element_wise("[", lists, "]", "")
    return ShapedList(_spread(kept, places, size), unreadable, bad_amounts, legacy)


def _elements(value: Any) -> list[dict[str, Any]] | None:
    if isinstance(value, str):
        try:
            value = storable(orjson.loads(value))
        except orjson.JSONDecodeError:
            return None if value.strip() else []
    if value is None:
        return []
    if not isinstance(value, list):
        return None
    for element in value:
        if type(element) is not dict:
            return None
    return value


def _count(owners: npt.NDArray[np.intp], found: npt.ArrayLike, size: int) -> Counts:
    """How many of each record's elements were found."""
    return np.bincount(owners[np.asarray(found, dtype=bool)], minlength=size).astype(np.int64, copy=False)


def _present(values: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=bool)


def _quoted(texts: pa.Array) -> pa.Array:
    """Texts as JSON writes them."""
    if pc.any(pc.match_substring_regex(texts, _WANTS_ESCAPES)).as_py():
        return pa.array([None if t is None else orjson.dumps(t).decode() for t in texts.to_pylist()], pa.string())
    return pc.binary_join_element_wise('"', texts, '"', "")


def _spread(kept: pa.Array, places: list[int], size: int) -> pa.Array:
    at = np.full(size, -1, dtype=np.int64)
    at[places] = np.arange(len(places))
    return kept.take(pa.array(at, mask=at < 0))


def storable(value: Any, levels: int = DEEPEST) -> Any:
    """A JSON value as PostgreSQL can hold it.

    NUL becomes U+FFFD, so that a code with one fails its pattern and is seen. What lies deeper than DEEPEST levels
    becomes one U+FFFD; landing has it whole.
    """
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return "\ufffd"
    if isinstance(value, list):
        return [storable(v, levels - 1) for v in value]
    return {storable(k): storable(v, levels - 1) for k, v in value.items()}


def plain_number(value: Any) -> bool:
    """A number >= 0 as JSON number or as plain digits with an optional decimal point (rule OS-019)."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return 0 <= value < float("inf")
    return isinstance(value, str) and bool(_PLAIN_NUMBER.fullmatch(value))
