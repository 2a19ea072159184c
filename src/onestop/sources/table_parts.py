"""What passes between the readers of a table and what makes records of its rows: rows of cells, and chunks of records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from onestop.sources.portal_cells import Cell, Value
from onestop.sources.sheet_cells import Moments

Record = dict[str, object]
Row = Sequence[Cell]


@dataclass(frozen=True)
class Block:
    """Some rows below a header, in their order. numbers: each one's row in the sheet, or line."""

    numbers: Sequence[int]
    rows: Sequence[Row]

    @property
    def size(self) -> int:
        """How many rows."""
        return len(self.rows)


@dataclass(frozen=True)
class Columns:
    """Some rows that follow each other, as columns of one length. first: the number of the first one."""

    first: int
    columns: Sequence[Sequence[Cell] | Moments]
    size: int

    def rows(self) -> Block:
        """The same row by row."""
        rows = list(zip(*map(cells_of, self.columns), strict=True))
        return Block(range(self.first, self.first + self.size), rows)


def cells_of(column: Sequence[Cell] | Moments) -> Sequence[Cell]:
    """A column cell by cell."""
    return column.cells() if isinstance(column, Moments) else column


def in_blocks(rows: Iterable[tuple[int, Row]], size: int) -> Iterator[Block]:
    """Rows with their numbers, `size` at a time."""
    source = iter(rows)
    while taken := list(islice(source, size)):
        yield Block([number for number, _ in taken], [row for _, row in taken])


@dataclass(frozen=True)
class Chunk:
    """Some records, column by column, which is half as long to write and read as record by record.

    numbers: each one's row in the sheet, or line. extras: what single records have beside, by their place here.
    begins: fields whose dates are days since a day (`Moments`): which one.
    """

    numbers: list[int]
    fields: list[str]
    values: list[Sequence[Value]]
    extras: dict[str, Record] = field(default_factory=dict)
    begins: dict[str, str] = field(default_factory=dict)

    def records(self) -> list[Record]:
        """The same as records."""
        made: list[Record] = [dict(zip(self.fields, row, strict=True)) for row in zip(*self.values, strict=True)]
        for place, more in self.extras.items():
            made[int(place)] |= more
        return made
