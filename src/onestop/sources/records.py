"""A chunk of delivered records -> normalised columns, content hashes, and what the judge must know.

From here on a record is columns of text; personal fields have no column (or a keyed hash), so they
cannot reach raw. The delivered record itself stays beside, for the quarantine's encrypted payload.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from onestop.crypto import keyed_hash, record_hash
from onestop.sources.text import (
    as_text,
    clean_text,
    code_array,
    is_legacy,
    legacy_text,
    readable,
    strings_of,
    text_array,
)
from onestop.specs import EntitySpec, Item

Record = Mapping[str, Any]
DEEPEST = 100  # levels of a record that are kept; no real one has more than four
LONGEST_DATE = 100  # characters of a date that are kept: a readable one has 14, and an index holds no novel
_PLAIN_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True)
class Shaped:
    """`n` records of one delivery as columns.

    columns: raw column -> n texts (lists as JSON text, null when empty).
    dates: raw column -> which of its values are readable moments.
    unreadable_dates, bad_amounts, legacy_texts: per record, how many such values (lists included).
    not_text: place of a record -> names of its scalar fields that came as something else than text.
    content_hash: n digests of 16 bytes, keyed; equal for a record served again unchanged.
    delivered_key: the key as delivered, null if missing.
    """

    records: Sequence[Record]
    first_row: int
    columns: dict[str, pa.Array]
    dates: dict[str, npt.NDArray[np.bool_]]
    unreadable_dates: npt.NDArray[np.int64]
    bad_amounts: npt.NDArray[np.int64]
    legacy_texts: npt.NDArray[np.int64]
    not_text: Mapping[int, set[str]]
    content_hash: list[bytes]
    delivered_key: list[str | None]

    def __len__(self) -> int:
        return len(self.records)


def shape(records: Sequence[Record], spec: EntitySpec, *, first_row: int, hash_key: bytes) -> Shaped:
    """Bring records into columns.

    Args:
        records: as delivered, in the delivery's order.
        first_row: 1-based place of the first one in the delivery.
        hash_key: key of the content hash and of personal hashes.
    """
    records, hashes = _canonical(records, hash_key, spec.place)
    columns: dict[str, pa.Array] = {}
    dates: dict[str, npt.NDArray[np.bool_]] = {}
    unreadable = np.zeros(len(records), dtype=np.int64)
    bad_amounts = np.zeros(len(records), dtype=np.int64)
    legacy = np.zeros(len(records), dtype=np.int64)
    not_text: dict[int, set[str]] = {}
    scalars = _scalars(records, [item.field for item in spec.fields if item.kind != "list"], not_text)
    for item in spec.fields:
        if item.kind == "list":
            assert item.column is not None  # noqa: S101  (specs are checked by a test)
            values = [r.get(item.field) for r in records]
            columns[item.column] = _shape_list(values, item, unreadable, bad_amounts, legacy)
            continue
        strings = scalars[item.field]
        array = code_array(strings) if item.kind == "code" else text_array(strings)
        if item.kind == "date":
            array = pc.utf8_slice_codeunits(array, 0, LONGEST_DATE)
            good = readable(array)
            present = array.is_valid().to_numpy(zero_copy_only=False)
            unreadable += present & ~good
            if item.column:
                dates[item.column] = good
        elif item.kind == "text":
            legacy += legacy_text(array)
        if item.column and item.keep == "keyed_hash":
            columns[item.column] = pa.array(
                [None if v is None else keyed_hash(v, hash_key) for v in array.to_pylist()], pa.string()
            )
        elif item.column:
            columns[item.column] = array
    return Shaped(
        records=records,
        first_row=first_row,
        columns=columns,
        dates=dates,
        unreadable_dates=unreadable,
        bad_amounts=bad_amounts,
        legacy_texts=legacy,
        not_text=not_text,
        content_hash=hashes,
        delivered_key=[as_text(r.get(spec.key)) or None for r in records],
    )


def _scalars(records: Sequence[Record], fields: Sequence[str], not_text: dict[int, set[str]]) -> Mapping[str, pa.Array]:
    """Scalar fields as strings, all at once where every value is text or null; else field by field."""
    try:
        rows = pa.array(records, pa.struct([(field, pa.string()) for field in fields]))
        return dict(zip(fields, rows.flatten(), strict=True))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        arrays = {}
        for field in fields:
            arrays[field], foreign = strings_of([r.get(field) for r in records])
            for place in foreign:
                not_text.setdefault(place, set()).add(field)
        return arrays


def _canonical(records: Sequence[Record], key: bytes, place: str | None) -> tuple[list[Record], list[bytes]]:
    """The records as PostgreSQL can hold them, and a keyed digest of each as delivered.

    Absent, null and empty fields are the same to the digest (0 and false are values); so is any order of fields.
    """
    kept: list[Record] = []
    hashes: list[bytes] = []
    for record in records:
        try:
            text = _digested(record, place)
        except TypeError:  # nested deeper than can be written
            record = _storable(record)
            text = _digested(record, place)
        hashes.append(record_hash(text, key))
        kept.append(_storable(record) if b"\\u0000" in text else record)
    return kept, hashes


def _digested(record: Record, place: str | None) -> bytes:
    filled = {k: v for k, v in record.items() if (v or isinstance(v, int | float)) and k != place}
    return orjson.dumps(filled, option=orjson.OPT_SORT_KEYS)


def _storable(value: Any, levels: int = DEEPEST) -> Any:
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
        return [_storable(v, levels - 1) for v in value]
    return {_storable(k): _storable(v, levels - 1) for k, v in value.items()}


def _shape_list(
    values: Sequence[Any],
    item: Item,
    unreadable: npt.NDArray[np.int64],
    bad_amounts: npt.NDArray[np.int64],
    legacy: npt.NDArray[np.int64],
) -> pa.Array:
    """A list field as JSON text without its personal parts; counts its faults into the arrays given.

    A value that is no list of objects counts as one unreadable date: the dates in it cannot be read.
    """
    kept: list[str | None] = []
    stamps: list[str] = []
    owners: list[int] = []
    for place, value in enumerate(values):
        if not value:
            kept.append(None)
            continue
        elements = _elements(value)
        if elements is None:
            unreadable[place] += 1
            kept.append(None)
            continue
        shaped = []
        for element in elements:
            out: dict[str, Any] = {}
            for part in item.items:
                raw = element.get(part.field)
                if part.kind == "number":
                    amount = raw.strip() if isinstance(raw, str) else raw
                    if not plain_number(amount):
                        bad_amounts[place] += 1
                    out[part.field] = amount
                    continue
                text = clean_text(raw)
                if text is None:
                    continue
                if part.kind == "date":
                    stamps.append(text)
                    owners.append(place)
                elif is_legacy(text):
                    legacy[place] += 1
                if not part.personal:
                    out[part.field] = text
            shaped.append(out)
        kept.append(orjson.dumps(shaped).decode() if shaped else None)
    if stamps:
        bad = ~readable(pa.array(stamps, pa.string()))
        np.add.at(unreadable, np.asarray(owners)[bad], 1)
    return pa.array(kept, pa.string())


def _elements(value: Any) -> list[dict[str, Any]] | None:
    if isinstance(value, str):
        try:
            value = _storable(orjson.loads(value))
        except orjson.JSONDecodeError:
            return None if value.strip() else []
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(e, dict) for e in value):
        return value
    return None


def plain_number(value: Any) -> bool:
    """A number >= 0 as JSON number or as plain digits with an optional decimal point (rule OS-019)."""
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return 0 <= value < float("inf")
    return isinstance(value, str) and bool(_PLAIN_NUMBER.fullmatch(value))
