"""CSV as people and portals write it: encoding and separator found, rows with the line that each begins on.

Lines that are written plainly are not taken apart here, but handed on as blocks (`PlainLines`). Python's csv module reads
all others, and says where quotation marks do not match.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO

from onestop.sources.plain_lines import PlainLines, unquoted
from onestop.sources.portal_columns import Layout
from onestop.sources.portal_table import HEAD_ROWS, FileRefused, Header, find_header
from onestop.sources.table_parts import Block, Row

LONGEST_CELL = 131_072
SEPARATORS = (",", ";", "\t")
_BLOCK = 1 << 18
_MOST_BLOCKS = 64  # without the end of a line: 16 MB


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
                head = [row for _, row in islice(_read(self._lines(), separator, beyond=True), HEAD_ROWS)]
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

    def blocks(self) -> Iterator[Block | PlainLines]:
        """The rows below the header, each with the number of the line that it begins on (1-based)."""
        lines = self._lines()
        deque(islice(_read(lines, self.separator, beyond=True), self.header.last + 1), maxlen=0)
        line = 1 + lines.taken
        for text in chain([lines.rest()], lines.more):
            plain = unquoted(text, self.separator.encode(), LONGEST_CELL) if text else None
            if plain is not None:
                lines_of_text = PlainLines(plain, line)
                yield lines_of_text
                line += len(lines_of_text.numbers)
            elif text:
                lines = _Lines(text, lines.more)
                rows = list(_read(lines, self.separator, line))
                yield Block([number for number, _ in rows], [row for _, row in rows])
                line += lines.taken

    def _lines(self) -> _Lines:
        texts = self._texts()
        return _Lines(next(texts, b""), texts)

    def _texts(self) -> Iterator[bytes]:
        """The file as UTF-8, in pieces that end with a line."""
        self._file.seek(len(codecs.BOM_UTF8) if self.encoding == "utf-8-sig" else 0)
        decoder = None if self.encoding.startswith("utf-8") else codecs.getincrementaldecoder(self.encoding)()
        waiting: list[bytes] = []
        while data := self._file.read(_BLOCK):
            text = decoder.decode(data).encode() if decoder else data
            # A carriage return alone ends a line, too; the last one may be followed by a line feed.
            end = 1 + max(text.rfind(b"\n"), text.rfind(b"\r", 0, -1))
            if end:
                yield b"".join([*waiting, text[:end]])
                waiting = []
            waiting.append(text[end:])
            if len(waiting) > _MOST_BLOCKS:
                raise FileRefused(
                    f"a line is so long that cells of it have more than {LONGEST_CELL:,} characters",
                    next_step="look for a quotation mark that is not closed or not doubled, and export the file again",
                )
        if last := b"".join(waiting):
            yield last


class _Lines(Iterator[str]):
    """The lines of a text; of the texts after it as long as a cell goes on in them.

    taken: how many were asked for. more: the texts after it.
    """

    def __init__(self, text: bytes, more: Iterator[bytes]) -> None:
        self._lines = list(io.StringIO(text.decode(), newline=""))
        self.more = more
        self._at = self.taken = 0

    @property
    def are_done(self) -> bool:
        """Whether no line is left of the texts that were begun."""
        return self._at == len(self._lines)

    def __next__(self) -> str:
        """The next line."""
        if self.are_done:
            self._lines, self._at = list(io.StringIO(next(self.more).decode(), newline="")), 0
        self._at += 1
        self.taken += 1
        return self._lines[self._at - 1]

    def rest(self) -> bytes:
        """What is left of the texts that were begun."""
        return "".join(self._lines[self._at :]).encode()


def _read(lines: _Lines, separator: str, first: int = 1, *, beyond: bool = False) -> Iterator[tuple[int, Row]]:
    """Rows by Python's csv module, each with its line; `first` is the number of the first one.

    They end with the texts that were begun, or go on `beyond`.
    """
    reader = csv.reader(lines, delimiter=separator, strict=True)
    line = first
    try:
        for row in reader:
            yield line, row
            line = first + reader.line_num
            if lines.are_done and not beyond:
                return
    except csv.Error as problem:
        raise FileRefused(
            f"the record that begins on line {line} cannot be read: {_why(problem)}",
            next_step="look for a quotation mark that is not closed or not doubled, and export the file again",
        ) from None


def _why(problem: csv.Error) -> str:
    """In words that quote nothing of the file."""
    if "field limit" in str(problem):
        return f"a cell has more than {LONGEST_CELL:,} characters"
    return "its quotation marks do not match"
