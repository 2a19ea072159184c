"""A chunk of delivered records -> normalised columns, content hashes, and what the judge must know.

From here on a record is columns of text; personal fields have no column (or a keyed hash), so they
cannot reach raw. The delivered record itself stays beside, for the quarantine's encrypted payload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from onestop.crypto import HashKey, keyed_hashes, record_hash, record_hashes
from onestop.sources.code_repairs import Repaired, repaired
from onestop.sources.content import Written, content_of, contents, place_marks
from onestop.sources.record_lists import shape_list, storable
from onestop.sources.table_records import TableRecords
from onestop.sources.text import code_array, legacy_text, readable, strings_by_field, text_array, values_of
from onestop.specs import EntitySpec

Record = Mapping[str, Any]
LONGEST_DATE = 100  # characters of a date that are kept: a readable one has 14, and an index holds no novel
MOST_OTHER_COLUMNS = 50  # lists, unknown fields and fields of other types that are written as columns


@dataclass(frozen=True)
class Shaped:
    """`n` records of one delivery as columns.

    columns: raw column -> n texts (lists as JSON text, null when empty).
    dates: raw column -> which of its values are readable moments.
    unreadable_dates, bad_amounts, legacy_texts: per record, how many such values (lists included).
    not_text: place of a record -> names of its scalar fields that came as something else than text.
    content_hash: n digests of 16 bytes, keyed; equal for a record served again unchanged.
    delivered_key: the key as delivered, null if missing.
    repairs: field -> its codes that normalisation changed.
    names: every field that any record has.
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
    repairs: Mapping[str, Repaired]
    names: frozenset[str]

    def __len__(self) -> int:
        return len(self.records)


def shape(records: Sequence[Record], spec: EntitySpec, *, first_row: int, hash_key: HashKey) -> Shaped:
    """Bring records into columns.

    Args:
        records: as delivered, in the delivery's order.
        first_row: 1-based place of the first one in the delivery.
        hash_key: key of the content hash and of personal hashes.
    """
    scalar_fields = [item.field for item in spec.fields if item.kind != "list"]
    names = frozenset(records.names if isinstance(records, TableRecords) else set().union(*records))
    hashes: list[bytes] | None
    try:
        scalars, not_text = strings_by_field(records, scalar_fields)
        hashes = _hashed_by_column(records, names, scalars, not_text, spec, hash_key)
    except TypeError:  # nested deeper than can be written
        hashes = None
    if hashes is None:
        records, hashes = _hashed_one_by_one(records, hash_key, spec.place)
        scalars, not_text = strings_by_field(records, scalar_fields)
    columns: dict[str, pa.Array] = {}
    dates: dict[str, npt.NDArray[np.bool_]] = {}
    repairs: dict[str, Repaired] = {}
    unreadable = np.zeros(len(records), dtype=np.int64)
    bad_amounts = np.zeros(len(records), dtype=np.int64)
    legacy = np.zeros(len(records), dtype=np.int64)
    for item in spec.fields:
        if item.kind == "list":
            assert item.column is not None  # noqa: S101  (specs are checked by a test)
            shaped = shape_list(values_of(records, item.field), item)
            columns[item.column] = shaped.texts
            unreadable += shaped.unreadable_dates
            bad_amounts += shaped.bad_amounts
            legacy += shaped.legacy_texts
            continue
        strings = scalars[item.field]
        array = code_array(strings) if item.kind == "code" else text_array(strings)
        if item.kind == "code" and not item.personal and (changed := repaired(strings, array)):
            repairs[item.field] = changed
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
            columns[item.column] = pa.array(keyed_hashes(array.to_pylist(), hash_key), pa.string())
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
        delivered_key=[key or None for key in scalars[spec.key].to_pylist()],
        repairs=repairs,
        names=names,
    )


def _hashed_by_column(
    records: Sequence[Record],
    names: Set[str],
    scalars: Mapping[str, pa.Array],
    not_text: Mapping[int, set[str]],
    spec: EntitySpec,
    key: HashKey,
) -> list[bytes] | None:
    """The records' content hashes out of their columns; None where a control character wants looking at one by one.

    Raises TypeError: a value is nested deeper than can be written.
    """
    foreign = set().union(*not_text.values())
    written = {
        name: Written.texts(values) for name, values in scalars.items() if name not in foreign and name != spec.place
    }
    others = names - written.keys() - {spec.place}
    if len(others) > MOST_OTHER_COLUMNS:
        return None
    written |= {name: Written.anything(values_of(records, name)) for name in others}
    if spec.place is not None:
        written[spec.place] = Written.anything(place_marks(values_of(records, spec.place)))
    found = contents(written)
    return None if found is None else record_hashes(found, key)


def _hashed_one_by_one(records: Sequence[Record], key: HashKey, place: str | None) -> tuple[list[Record], list[bytes]]:
    """The records as PostgreSQL can hold them, and a keyed digest of each as delivered."""
    kept: list[Record] = []
    hashes: list[bytes] = []
    for record in records:
        try:
            content = content_of(record, place)
        except TypeError:  # nested deeper than can be written
            record = storable(record)
            content = content_of(record, place)
        hashes.append(record_hash(content, key))
        kept.append(storable(record) if b"\0" in content or b"\\u0000" in content else record)
    return kept, hashes
