"""Rows of a sheet or a CSV file -> records of a portal export: finds the header, tells records from layout.

Runs in the reader's child process; it knows nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from onestop.errors import DataRefused
from onestop.sources.plain_lines import CELL_END, LINE_END, PlainLines
from onestop.sources.portal_cells import Cell, Value, converter, plain
from onestop.sources.portal_columns import DOSSIER_CODE_HEADING, LAYOUTS, Layout, folded
from onestop.sources.sheet_cells import Moments
from onestop.sources.table_parts import Block, Chunk, Columns, Row, cells_of

HEAD_ROWS = 30
SURPLUS = "_surplus"
VERSION = "NgayCapNhat"
_CODE_HEADING = folded(DOSSIER_CODE_HEADING)
_EVERY_HEADING = frozenset(
    folded(heading)
    for layout in LAYOUTS.values()
    for column in layout.columns
    for heading in (column.heading, *column.also)
)
# Possessive, so that no cell takes more time than its length.
_NUMBER = re.compile(r"\s*+[0-9]++\.?\s*+")
_DOSSIER_CODE = re.compile(r"\s*+[^\s-][^-\n]*+(?:-\s*+[0-9]++\s*+)++")
# The same of plain lines, no further than they surely are what the two above take. That no other cell holds a line's end
# is found out by counting: one sign that ends a repetition is looked for four times as fast as two.
_PLAIN_NUMBER, _PLAIN_CODE, _ANY_CELL, _LAST_CELL = (
    rb"[0-9]++\.?+",
    rb"[^\0-\x20\x80-\xff-][^-\n\x1f]*+(?:-[0-9]++)++",
    rb"[^\x1f]*+",
    rb"[^\n\x1f]*+",
)
# One meant as a code, with a mistake in it: in one piece, with a letter and at least six digits. No signature looks so.
_MEANT_AS_CODE = re.compile(r"\s*+(?=[A-Za-z0-9]++[./_-])(?=[^\sA-Za-z]*+[A-Za-z])(?=(?:[^\s0-9]*+[0-9]){6})\S++\s*+")
_KEY = re.compile(r"\s*+(?=\S*[0-9])\S++\s*+")
_TOTALS = ("tổng cộng", "tổng số", "tổng:")
_TOTALS_ALONE = frozenset(("tổng cộng", "tổng số", "tổng", "cộng"))


class FileRefused(DataRefused):
    """A file that is refused whole. rows: how many records were counted in it (0 where they could not be)."""

    def __init__(self, message: str, *, next_step: str | None = None, rows: int = 0) -> None:
        super().__init__(message, next_step=next_step)
        self.rows = rows


@dataclass(frozen=True)
class Header:
    """Where a table's columns are.

    last: place of the header's last row among the rows looked at (0-based).
    names: per column what it is called, empty where it has no heading.
    known: field -> column. missing: headings of required columns that are not there.
    """

    last: int
    names: tuple[str, ...]
    known: dict[str, int]
    missing: tuple[str, ...]

    @property
    def unknown(self) -> dict[str, int]:
        """Columns that the contract does not name: name -> column."""
        taken = set(self.known.values())
        named: dict[str, int] = {}
        for place, name in enumerate(self.names):
            if name and place not in taken:
                named[name if name not in named else f"{name} ({place + 1})"] = place
        return named


def find_header(rows: Sequence[Row], layout: Layout) -> Header | None:
    """The header among the first rows of a sheet; None where no row holds "Mã hồ sơ".

    A header takes one row, or two (a group's name above its columns' names); the reading that
    recognises most columns is taken.

    Raises:
        FileRefused: a heading of the contract stands twice.
    """
    for place, row in enumerate(rows):
        if not any(type(cell) is str and folded(cell) == _CODE_HEADING for cell in row):
            continue
        readings = [(place, _names((), row, layout))]
        if place + 1 < len(rows):
            readings.append((place + 1, _names(row, rows[place + 1], layout)))
        if place:
            readings.append((place, _names(rows[place - 1], row, layout)))
        headings = _headings(layout)
        last, names = max(readings, key=lambda reading: sum(folded(name) in headings for name in reading[1]))
        return _header(last, names, layout)
    return None


def _headings(layout: Layout) -> dict[str, str]:
    return {folded(heading): c.field for c in layout.columns for heading in (c.heading, *c.also)}


def _names(upper: Row, lower: Row, layout: Layout) -> list[str]:
    """Per column: group and name joined where both are there; a merged cell's text stands in its first column."""
    headings = _headings(layout)
    names, group = [], ""
    for place in range(max(len(upper), len(lower))):
        above = " ".join((plain(upper[place]) or "").split()) if place < len(upper) else ""
        below = " ".join((plain(lower[place]) or "").split()) if place < len(lower) else ""
        group = above or group
        if not below:
            names.append(above)
            continue
        joined = f"{group} {below}".strip()
        choices = [joined, below] if not above else [joined, below, above]
        names.append(next((name for name in choices if folded(name) in headings), joined))
    return names


def _header(last: int, names: Sequence[str], layout: Layout) -> Header:
    headings = _headings(layout)
    known: dict[str, int] = {}
    for place, name in enumerate(names):
        item = headings.get(folded(name)) if name else None
        if item is None:
            continue
        if item in known:
            raise FileRefused(
                f"the heading {name!r} stands twice, in columns {known[item] + 1} and {place + 1}",
                next_step="leave one table in the sheet, and each heading once",
            )
        known[item] = place
    missing = tuple(c.heading for c in layout.columns if c.required and c.field not in known)
    return Header(last, tuple(names), known, missing)


@dataclass
class Table:
    """A table being read: its header, and what has been counted so far.

    records: rows handed on; layout: totals, signatures and repeated headers below the header; blank: empty rows.
    """

    layout: Layout
    header: Header
    stamp: str | None = None
    records: int = 0
    layout_rows: int = 0
    blank_rows: int = 0
    unnamed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        known = self.header.known
        self._stt, self._code, self._key = known.get("STT"), known["MaHoSo"], known.get(self.layout.key)
        self._converters = [(c.field, known[c.field], converter(c)) for c in self.layout.columns if c.field in known]
        self._dates = {c.field for c in self.layout.columns if c.kind == "date"}
        reserved = {c.field for c in self.layout.columns} | {VERSION, SURPLUS}
        self._unknown = {
            f"{name} (cột {place + 1})" if name in reserved else name: place
            for name, place in self.header.unknown.items()
        }
        self._bare = [place for place, name in enumerate(self.header.names) if not name]
        self._width = len(self.header.names)
        self._lines = self._lines_form()

    def chunks(self, blocks: Iterable[Block | Columns | PlainLines]) -> Iterator[Chunk | PlainLines]:
        """The records of blocks of rows below the header. Lines and columns that all are records stay what they are.

        Raises:
            FileRefused: a second table with other columns begins.
        """
        for block in blocks:
            if isinstance(block, PlainLines):
                if self._are_plain_records(block):
                    self.records += len(block.numbers)
                    yield block
                    continue
                block = Block(block.numbers, block.rows())
            elif isinstance(block, Columns):
                columns = [*block.columns, *[[None] * block.size] * (self._width - len(block.columns))]
                if len(columns) == self._width and self._are_records(columns):
                    self.records += block.size
                    yield self._chunk(list(range(block.first, block.first + block.size)), columns)
                    continue
                block = block.rows()
            numbers, rows = list(block.numbers), list(block.rows)
            surplus = self._squared(rows)
            kept = list(range(len(rows)))
            columns = list(zip(*rows, strict=True))
            if columns and self._are_records(columns):
                self.records += len(kept)
            else:
                kept = []
                for place, (number, row) in enumerate(zip(numbers, rows, strict=True)):
                    if self._is_record(number, row):
                        self.records += 1
                        kept.append(place)
            if kept:
                if len(kept) < len(rows):
                    columns = list(zip(*[rows[place] for place in kept], strict=True))
                chunk = self._chunk([numbers[place] for place in kept], columns)
                for at, place in enumerate(kept) if surplus else ():
                    if place in surplus:
                        chunk.extras.setdefault(str(at), {})[SURPLUS] = surplus[place]
                yield chunk

    @property
    def columns(self) -> list[tuple[str, bool] | None]:
        """By place, what a column is called in records, and whether the contract knows it; None: it has no heading."""
        called = {place: (name, False) for name, place in self._unknown.items()}
        called |= {place: (name, True) for name, place, _ in self._converters}
        return [called.get(place) for place in range(self._width)]

    def _are_plain_records(self, block: PlainLines) -> bool:
        """`_are_records` of plain lines, all at once; also whether they are as wide as the header."""
        text, lines = block.text, len(block.numbers)
        return (
            self._lines is not None
            and lines > 0
            and self._lines.fullmatch(text) is not None
            and text.count(CELL_END) == lines * (self._width - 1)  # so that no cell holds a line's end
        )

    def _lines_form(self) -> re.Pattern[bytes] | None:
        """Plain lines that are records; they hold nothing in columns without a heading."""
        if self._stt is None:
            return None
        forms = [_ANY_CELL if name else b"" for name in self.header.names]
        forms[-1] = forms[-1] and _LAST_CELL
        forms[self._stt], forms[self._code] = _PLAIN_NUMBER, _PLAIN_CODE
        return re.compile(b"(?:" + CELL_END.join(forms) + LINE_END + b")*+")

    def _squared(self, rows: list[Row]) -> dict[int, list[str]]:
        """Brings rows to the header's width. Returns, by place, what stood beyond it."""
        width = self._width
        surplus: dict[int, list[str]] = {}
        if set(map(len, rows)) == {width}:
            return surplus
        for place, row in enumerate(rows):
            if len(row) != width:
                extra = [text for cell in row[width:] if (text := plain(cell)) and text.strip()]
                if extra:
                    surplus[place] = extra
                rows[place] = [*row[:width], *[None] * (width - len(row))]
        return surplus

    def _are_records(self, columns: Sequence[Sequence[Cell] | Moments]) -> bool:
        """Whether every row plainly is one, which most chunks show: asked of all at once, as `_is_record` begins."""
        if self._stt is None:
            return False
        numbers, codes = cells_of(columns[self._stt]), cells_of(columns[self._code])
        kinds = set(map(type, numbers))
        return (
            set(map(type, codes)) == {str}
            and all(map(_DOSSIER_CODE.fullmatch, codes))  # type: ignore[arg-type]
            and (kinds <= {float, int} or (kinds == {str} and all(map(_NUMBER.fullmatch, numbers))))  # type: ignore[arg-type]
        )

    def _is_record(self, number: int, row: Row) -> bool:
        stt = row[self._stt] if self._stt is not None else None
        code = row[self._code]
        counted = type(stt) in (float, int) or (type(stt) is str and _NUMBER.fullmatch(stt) is not None)
        coded = type(code) is str and bool(_DOSSIER_CODE.fullmatch(code) or _MEANT_AS_CODE.fullmatch(code))
        if counted and coded:
            return True
        filled = [cell for cell in row if cell is not None and not (type(cell) is str and not cell.strip())]
        if not filled:
            self.blank_rows += 1
            return False
        key = row[self._key] if self._key is not None else None
        texts = [folded(cell) for cell in (stt, code, key, filled[0]) if type(cell) is str]
        totals = any(text.startswith(_TOTALS) or text in ("cộng", "tổng") for text in texts)
        # A number in STT and the word in another column: still the line below the records, unless it names a dossier.
        totals |= not coded and any(type(cell) is str and _bare(cell) in _TOTALS_ALONE for cell in filled)
        keyed = self._key != self._code and key is not None and _KEY.fullmatch(plain(key) or "") is not None
        if not totals and (counted or coded or keyed):
            return True
        if not totals and any(type(cell) is str and folded(cell) == _CODE_HEADING for cell in filled):
            self._repeated_header(number, row)
        self.layout_rows += 1
        return False

    def _repeated_header(self, number: int, row: Row) -> None:
        """Printed exports repeat the header on each page; another header is another table, which is no file of ours."""
        shown = [folded(cell) if type(cell) is str else "" for cell in row]
        moved = any(
            text in _EVERY_HEADING and text != folded(name)
            for text, name in zip(shown, self.header.names, strict=False)
        )
        if moved or shown[self._code] != _CODE_HEADING:
            raise FileRefused(
                f"a second table begins at row {number}",
                next_step="leave one table in the sheet; save the other one as a file of its own",
                rows=self.records,
            )

    def _chunk(self, numbers: list[int], columns: Sequence[Sequence[Cell] | Moments]) -> Chunk:
        fields = [name for name, _, _ in self._converters] + list(self._unknown)
        values: list[Sequence[Value]] = []
        begins: dict[str, str] = {}
        for field_name, place, convert in self._converters:
            column = columns[place]
            if isinstance(column, Moments) and field_name in self._dates:
                values.append(column.days)
                begins[field_name] = f"{column.begin:%Y-%m-%d}"
            else:
                values.append(convert(cells_of(column)))
        values += [[plain(cell) for cell in cells_of(columns[place])] for place in self._unknown.values()]
        if self.stamp:
            fields.append(VERSION)
            values.append([self.stamp] * len(numbers))
        chunk = Chunk(numbers, fields, values, begins=begins)
        for bare in self._bare:
            for place, cell in enumerate(cells_of(columns[bare])):
                if text := plain(cell):
                    self.unnamed.add(bare + 1)
                    chunk.extras.setdefault(str(place), {})[f"(cột {bare + 1})"] = text
        return chunk


def _bare(text: str) -> str:
    return folded(text[:20]).rstrip(" :.")
