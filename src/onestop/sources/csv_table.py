"""CSV as people and portals write it: encoding and separator found, rows with the line that each begins on."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from onestop.sources.portal_columns import Layout
from onestop.sources.portal_table import HEAD_ROWS, FileRefused, Header, Row, find_header

LONGEST_CELL = 131_072
SEPARATORS = (",", ";", "\t")
_BLOCK = 1 << 20


def encoding_of(file: BinaryIO) -> str:
    """By a byte order mark, else strict UTF-8, else Windows-1258.

    Raises:
        FileRefused: it is none of these.
    """
    file.seek(0)
    start = file.read(4)
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise FileRefused("the text is UTF-32", next_step="save the file as CSV UTF-8")
    marked = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    by_mark = next((name for mark, name in marked.items() if start.startswith(mark)), None)
    for encoding in [by_mark] if by_mark else ["utf-8", "cp1258"]:
        if _decodes(file, encoding):
            return encoding
    raise FileRefused(
        "the text is neither UTF-8, UTF-16 with a byte order mark, nor Windows-1258",
        next_step="save the file as CSV UTF-8",
    )


def _decodes(file: BinaryIO, encoding: str) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while block := file.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


class CsvTable:
    """An opened CSV file: its encoding, separator and header.

    Raises:
        FileRefused: the encoding is unknown, no header is found, or the quoting is broken.
    """

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        csv.field_size_limit(LONGEST_CELL)
        self._file = file
        self.encoding = encoding_of(file)
        found: list[tuple[int, str, Header]] = []
        broken: FileRefused | None = None
        for separator in SEPARATORS:
            try:
                head = [row for _, row in islice(self._rows(separator), HEAD_ROWS)]
            except FileRefused as problem:
                broken = problem
                continue
            header = find_header(head, layout)
            if header:
                found.append((len(header.known), separator, header))
        if not found:
            raise broken or FileRefused(
                'no row of the file holds the heading "Mã hồ sơ"',
                next_step="export the file again; the separator is a comma, a semicolon or a tab",
            )
        _, self.separator, self.header = max(found, key=lambda f: f[0])

    def rows(self) -> Iterator[tuple[int, Row]]:
        """The rows below the header, each with the number of the line that it begins on (1-based)."""
        return islice(self._rows(self.separator), self.header.last + 1, None)

    def _rows(self, separator: str) -> Iterator[tuple[int, Row]]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding=self.encoding, newline="")
        try:
            reader = csv.reader(text, delimiter=separator, strict=True)
            line = 1
            try:
                for row in reader:
                    yield line, row
                    line = reader.line_num + 1
            except csv.Error as problem:
                raise FileRefused(
                    f"the record that begins on line {line} cannot be read: {_why(problem)}",
                    next_step="look for a quotation mark that is not closed or not doubled, and export the file again",
                ) from None
        finally:
            text.detach()


def _why(problem: csv.Error) -> str:
    """In words that quote nothing of the file."""
    if "field limit" in str(problem):
        return f"a cell has more than {LONGEST_CELL:,} characters"
    return "its quotation marks do not match"
