"""The process in which a file of unknown origin is opened: `python -m onestop.sources.spreadsheet_child ORDER`.

It gives itself limits of memory and CPU, asks for the file over its standard input (served_file), and writes one JSON message per
line: chunks of records, or what plain lines follow behind the message (plain_lines); then the facts, or why the file is
refused. It writes to no file and logs nothing.
"""

from __future__ import annotations

import gc
import io
import os
import resource
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

import orjson

from onestop.sources.csv_table import CsvTable
from onestop.sources.plain_lines import PlainLines
from onestop.sources.portal_columns import LAYOUTS, Layout
from onestop.sources.portal_table import HEAD_ROWS, FileRefused, Header, Table, find_header
from onestop.sources.served_file import asked
from onestop.sources.sheet_stream import NotPlain, PlainWorkbook, SheetPart
from onestop.sources.table_parts import Block, Columns, Row, in_blocks
from onestop.sources.workbook_guard import LONGEST_MESSAGE, Limits, check_workbook

Message = tuple[dict[str, Any], bytes]
CHUNK = 2_000
LARGE = 4 << 20  # bytes of a sheet unpacked, about 7,000 rows: calamine holds a sheet whole, in 15 times as much memory
_HEADINGS_SHOWN = 60


def main() -> int:
    """Obey the order given as the only argument: {"entity", "suffix", "stamp", "size", "limits"}."""
    order = orjson.loads(sys.argv[1])
    limits = Limits(**order["limits"])
    _confine(limits)
    gc.disable()  # millions of cells and no cycles: looking for some takes a tenth of the time
    try:
        file = asked(sys.stdin.fileno(), order["size"])
        for message, lines in read(file, order["entity"], order["suffix"], order["stamp"], limits):
            _say(message, lines)
    except FileRefused as refused:
        _say({"refused": refused.message, "next_step": refused.next_step, "rows": refused.rows})
    except MemoryError:
        _say({"refused": "reading the file takes more memory than allowed", "next_step": None, "rows": 0})
    return 0


def _confine(limits: Limits) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (wanted, wanted))


def _say(message: dict[str, Any], lines: bytes = b"") -> None:
    line = orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE)
    if len(line) > LONGEST_MESSAGE:
        raise FileRefused("its cells hold far more text than an export's do", next_step="export the file again")
    sys.stdout.buffer.write(line + lines)
    sys.stdout.buffer.flush()


def read(file: BinaryIO, entity: str, suffix: str, stamp: str | None, limits: Limits) -> Iterator[Message]:
    """The messages about one file, each with the plain lines that it is about.

    Args:
        file: seekable.
        suffix: xlsx or csv, from the file's name.
        stamp: NgayCapNhat of every record, 14 digits.

    Raises:
        FileRefused: see there.
    """
    layout = LAYOUTS[entity]
    if suffix == "csv":
        text = CsvTable(file, layout)
        yield from _messages(
            Table(layout, text.header, stamp), text.blocks(), {"encoding": text.encoding, "separator": text.separator}
        )
        return
    check_workbook(file, file.seek(0, os.SEEK_END), limits)
    file.seek(0)
    sheet, header, blocks = _large_sheet(file, layout, limits) or _data_sheet(file, layout, limits)
    yield from _messages(Table(layout, header, stamp), blocks, {"sheet": sheet})


def _messages(table: Table, blocks: Iterator[Block | Columns | PlainLines], facts: dict[str, Any]) -> Iterator[Message]:
    missing = table.header.missing
    for chunk in table.chunks(blocks):
        if missing:
            continue
        if isinstance(chunk, PlainLines):
            size, numbers = len(chunk.text), chunk.numbers
            told = {"first": chunk.first, "rows": len(numbers), "columns": table.columns, "stamp": table.stamp}
            yield {"plain": size, **told}, chunk.text
        else:
            yield vars(chunk), b""
    if missing:
        raise FileRefused(
            f"required columns are missing: {', '.join(missing)}",
            next_step="export the file again with these columns, or write their headings as the portal does",
            rows=table.records,
        )
    unknown = [name[:_HEADINGS_SHOWN] for name in table.header.unknown]
    yield (
        {
            "facts": facts
            | {
                "records": table.records,
                "layout_rows": table.layout_rows,
                "blank_rows": table.blank_rows,
                "unknown_headings": unknown + [f"(cột {column})" for column in sorted(table.unnamed)],
            }
        },
        b"",
    )


def _large_sheet(
    file: BinaryIO, layout: Layout, limits: Limits
) -> tuple[str, Header, Iterator[Block | Columns]] | None:
    """As `_data_sheet`, where a sheet is large and written plainly: in memory that does not grow with it."""
    try:
        book = PlainWorkbook(file)
        if len(book.names) > limits.sheets or max(map(book.size, book.visible), default=0) < LARGE:
            return None
        heads = [(sheet, list(islice(book.rows(sheet), HEAD_ROWS))) for sheet in book.visible]
    except NotPlain:
        return None
    if not all(any(row and row[0] is not None for row in head) for _, head in heads):
        return None  # the other reader begins with the first column in use: it must be the same one
    found = [(sheet, header) for sheet, head in heads if (header := find_header(head, layout))]
    whole = [one for one in found if not one[1].missing] or found
    if len(whole) != 1:
        return None  # the other reader says why
    sheet, header = whole[0]
    return sheet.name, header, _gathered(_below(_streamed(file, book, sheet), header.last + 1))


def _streamed(file: BinaryIO, book: PlainWorkbook, sheet: SheetPart) -> Iterator[Block | Columns]:
    """A sheet's rows; from the first one that is not plain on, as the other reader gives them."""
    done = 0
    try:
        for block in book.blocks(sheet):
            yield block
            done += block.size
    except NotPlain:
        from python_calamine import CalamineError, CalamineWorkbook

        file.seek(0)
        try:
            rest = CalamineWorkbook.from_filelike(io.BytesIO(file.read())).get_sheet_by_name(sheet.name)
            yield from in_blocks(islice(enumerate(rest.iter_rows(), 1), done, None), CHUNK)
        except CalamineError:
            raise _damaged() from None


def _below(blocks: Iterator[Block | Columns], above: int) -> Iterator[Block | Columns]:
    """Without so many rows at the beginning."""
    for block in blocks:
        skipped = min(above, block.size)
        above -= skipped
        if skipped:
            block = block.rows() if isinstance(block, Columns) else block
            block = Block(block.numbers[skipped:], block.rows[skipped:])
        yield block


def _gathered(blocks: Iterator[Block | Columns]) -> Iterator[Block | Columns]:
    """Rows that were read one by one, CHUNK at a time."""
    numbers: list[int] = []
    rows: list[Row] = []
    for block in blocks:
        if isinstance(block, Block):
            numbers += block.numbers
            rows += block.rows
        if rows and (len(rows) >= CHUNK or isinstance(block, Columns)):
            yield Block(numbers, rows)
            numbers, rows = [], []
        if isinstance(block, Columns):
            yield block
    if rows:
        yield Block(numbers, rows)


def _damaged() -> FileRefused:
    return FileRefused("the workbook cannot be read: it is damaged", next_step="export or copy it again")


def _data_sheet(file: BinaryIO, layout: Layout, limits: Limits) -> tuple[str, Header, Iterator[Block]]:
    """The one visible sheet whose header holds "Mã hồ sơ". Of several, the one that has every required column."""
    from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

    file.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(file.read()))
        if len(book.sheet_names) > limits.sheets:
            raise FileRefused(
                f"the file has more than {limits.sheets} sheets", next_step="deliver the data sheet alone"
            )
        visible = [s.name for s in book.sheets_metadata if s.visible == SheetVisibleEnum.Visible]
        found: list[tuple[CalamineSheet, Header]] = []
        for name in visible:
            sheet = book.get_sheet_by_name(name)
            header = find_header(list(islice(sheet.iter_rows(), HEAD_ROWS)), layout)
            if header:
                found.append((sheet, header))
        whole = [one for one in found if not one[1].missing] or found
        if not whole:
            raise FileRefused(
                'no visible sheet has a header with "Mã hồ sơ"', next_step="deliver the portal's export as it is"
            )
        if len(whole) > 1:
            raise FileRefused(
                f"{len(whole)} sheets hold a table with these columns",
                next_step="leave one of them, and deliver each other one as a file of its own",
            )
        sheet, header = whole[0]
        below = islice(enumerate(sheet.iter_rows(), 1), header.last + 1, None)
        return sheet.name, header, in_blocks(below, CHUNK)
    except CalamineError:
        raise _damaged() from None


if __name__ == "__main__":
    raise SystemExit(main())
