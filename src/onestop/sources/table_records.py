"""Rows of a table kept as columns: what reads records one by one sees records, what works by columns takes columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from onestop.sources.portal_table import Chunk


class TableRecords(Sequence[Mapping[str, Any]]):
    """The records of a table.

    Args:
        columns: field -> one value for each record.
        extras: place of a record -> what it has beside these fields.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], size: int, extras: Mapping[int, dict[str, Any]]) -> None:
        self.columns = columns
        self.extras = extras
        self._size = size

    @classmethod
    def joined(cls, chunks: Sequence[Chunk]) -> TableRecords:
        """Chunks of one table, which have the same fields, as one."""
        columns: dict[str, list[Any]] = {field: [] for field in chunks[0].fields}
        extras: dict[int, dict[str, Any]] = {}
        size = 0
        for chunk in chunks:
            extras |= {int(place) + size: more for place, more in chunk.extras.items()}
            for field, values in zip(chunk.fields, chunk.values, strict=True):
                columns[field] += values
            size += len(chunk.numbers)
        return cls(columns, size, extras)

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
        record = {field: values[place] for field, values in self.columns.items()}
        return record | self.extras[place] if place in self.extras else record

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        fields = list(self.columns)
        for place, row in enumerate(zip(*self.columns.values(), strict=True)):
            record = dict(zip(fields, row, strict=True))
            yield record | self.extras[place] if place in self.extras else record

    @property
    def names(self) -> set[str]:
        """Every field that any record has."""
        return set(self.columns).union(*self.extras.values())

    def values(self, field: str) -> Sequence[Any]:
        """One field of all records, None where a record lacks it."""
        found = self.columns.get(field)
        if found is None:
            return [self.extras[place].get(field) if place in self.extras else None for place in range(self._size)]
        beside = {place: more[field] for place, more in self.extras.items() if field in more}
        if not beside:
            return found
        return [beside.get(place, value) for place, value in enumerate(found)]

    def some(self, places: npt.NDArray[np.intp]) -> TableRecords:
        """The records at these places."""
        wanted = places.tolist()
        columns = {field: [values[place] for place in wanted] for field, values in self.columns.items()}
        extras = {new: self.extras[old] for new, old in enumerate(wanted) if old in self.extras} if self.extras else {}
        return TableRecords(columns, len(wanted), extras)
