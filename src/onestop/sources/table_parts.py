"""What passes between the readers of a table and what makes records of its rows: rows of cells, and chunks of records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from onestop.sources.portal_cells import Cell, Value

Record = dict[str, object]
Row = Sequence[Cell]


@dataclass(frozen=True)
class Block:
    """Some rows below a header, in their order. numbers: each one's row in the sheet, or line."""

    numbers: Sequence[int]
    rows: Sequence[Row]


def in_blocks(rows: Iterable[tuple[int, Row]], size: int) -> Iterator[Block]:
    """Rows with their numbers, `size` at a time."""
    source = iter(rows)
    while taken := list(islice(source, size)):
        yield Block([number for number, _ in taken], [row for _, row in taken])


@dataclass(frozen=True)
class Chunk:
    """Some records, column by column, which is half as long to write and read as record by record.

    numbers: each one's row in the sheet, or line. extras: what single records have beside, by their place here.
    """

    numbers: list[int]
    fields: list[str]
    values: list[Sequence[Value]]
    extras: dict[str, Record] = field(default_factory=dict)

    def records(self) -> list[Record]:
        """The same as records."""
        made: list[Record] = [dict(zip(self.fields, row, strict=True)) for row in zip(*self.values, strict=True)]
        for place, more in self.extras.items():
            made[int(place)] |= more
        return made
