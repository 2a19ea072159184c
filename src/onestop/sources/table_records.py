"""Rows of a table kept as columns: what reads records one by one sees records, what works by columns takes columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from onestop.sources.table_parts import Chunk

Column: TypeAlias = pa.Array | Sequence[Any]
"""One value for each record: an array of texts where all are texts or null, else a list."""


class TableRecords(Sequence[Mapping[str, Any]]):
    """The records of a table.

    Args:
        columns: field -> one value for each record.
        extras: place of a record -> what it has beside these fields.
    """

    def __init__(self, columns: Mapping[str, Column], size: int, extras: Mapping[int, dict[str, Any]]) -> None:
        self.columns = columns
        self.extras = extras
        self._size = size

    @classmethod
    def joined(cls, parts: Sequence[Chunk | TableRecords]) -> TableRecords:
        """Parts of one table, which have the same fields, as one."""
        tables = [cls._of(part) if isinstance(part, Chunk) else part for part in parts]
        if len(tables) == 1:
            return tables[0]
        extras: dict[int, dict[str, Any]] = {}
        size = 0
        for table in tables:
            extras |= {place + size: more for place, more in table.extras.items()}
            size += len(table)
        return cls({field: _joined([t.columns[field] for t in tables]) for field in tables[0].columns}, size, extras)

    @classmethod
    def _of(cls, chunk: Chunk) -> TableRecords:
        extras = {int(place): more for place, more in chunk.extras.items()}
        return cls(dict(zip(chunk.fields, chunk.values, strict=True)), len(chunk.numbers), extras)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[Mapping[str, Any]]: ...
    def __getitem__(self, place: int | slice) -> dict[str, Any] | list[Mapping[str, Any]]:
        if isinstance(place, slice):
            return [self[p] for p in range(*place.indices(self._size))]
        if not -self._size <= place < self._size:
            raise IndexError(place)
        place %= self._size
        record = {
            field: values[place].as_py() if isinstance(values, pa.Array) else values[place]
            for field, values in self.columns.items()
        }
        return record | self.extras[place] if place in self.extras else record

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        fields = list(self.columns)
        for place, row in enumerate(zip(*map(_listed, self.columns.values()), strict=True)):
            record = dict(zip(fields, row, strict=True))
            yield record | self.extras[place] if place in self.extras else record

    @property
    def names(self) -> set[str]:
        """Every field that any record has."""
        return set(self.columns).union(*self.extras.values())

    def values(self, field: str) -> Column:
        """One field of all records, None where a record lacks it."""
        found = self.columns.get(field)
        if found is None:
            return [self.extras[place].get(field) if place in self.extras else None for place in range(self._size)]
        beside = {place: more[field] for place, more in self.extras.items() if field in more}
        if not beside:
            return found
        return [beside.get(place, value) for place, value in enumerate(_listed(found))]

    def some(self, places: npt.NDArray[np.intp]) -> TableRecords:
        """The records at these places."""
        wanted, taken = places.tolist(), pa.array(places)
        columns = {
            field: values.take(taken) if isinstance(values, pa.Array) else [values[place] for place in wanted]
            for field, values in self.columns.items()
        }
        extras = {new: self.extras[old] for new, old in enumerate(wanted) if old in self.extras} if self.extras else {}
        return TableRecords(columns, len(wanted), extras)


def _listed(values: Column) -> Sequence[Any]:
    listed: Sequence[Any] = values.to_pylist() if isinstance(values, pa.Array) else values
    return listed


def _joined(parts: Sequence[Column]) -> Column:
    if all(isinstance(part, pa.Array) for part in parts):
        return pa.concat_arrays(parts)
    return [value for part in parts for value in _listed(part)]
