"""Large plain sheets, row by row: memory that does not grow with the sheet, where calamine holds a sheet whole.

Only what programs that export tables write is read here: shared or plain strings without markup, numbers, dates of
common formats. At the first cell of any other form `NotPlain` is raised, and the caller reads on with calamine: what
was read up to there is the same, cell by cell, as calamine gives it (a test compares them).
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO
from xml.etree import ElementTree

from onestop.sources.sheet_cells import NotPlain, PlainRows, Strings, is_odd
from onestop.sources.table_parts import Block, Columns, Row

__all__ = ["NotPlain", "PlainWorkbook", "SheetPart"]

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_BLOCK = 1 << 19
_LAST_ROW = 1 << 20
_LONGEST_ROW = 8 << 20
_ENCODING = re.compile(rb"\s*<\?xml [^>]*encoding=[\"']([^\"']*)")
_ROW = re.compile(rb'<row r="([0-9]{1,7})"[^>]*>')
_STRING = re.compile(rb'<si>(?:<t(?: xml:space="preserve")?>([^<]*)</t>|<t/>)</si>')
_DATE_FORMATS = frozenset({14, 15, 16, 17, 22})
_OTHER_BUILT_IN = frozenset({0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 37, 38, 39, 40, 48, 49})
_DATE_CODE = re.compile(r"(?:\[\$-[0-9A-Fa-f]+\])?d{1,2}[/.-]m{1,2}[/.-]y{2,4}(?:[ \\]*h{1,2}:m{2}(?::s{2})?)?(?:;@)?")
_NUMBER_CODE = re.compile(r"[#0,.% ]+")


@dataclass(frozen=True)
class SheetPart:
    """A visible sheet: its name, and where in the archive it lies."""

    name: str
    path: str


class PlainWorkbook:
    """A workbook that check_workbook let pass.

    Raises:
        NotPlain: its structure, strings or styles are of another form.
    """

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            book = ElementTree.fromstring(self._zip.read("xl/workbook.xml"))  # noqa: S314  (no DTD: checked before)
            targets = {
                r.attrib["Id"]: "xl/" + r.attrib["Target"].removeprefix("/xl/")
                for r in ElementTree.fromstring(self._zip.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
            }
            self.names = [s.attrib["name"] for s in book.iter(f"{_MAIN}sheet")]
            self.visible = [
                SheetPart(s.attrib["name"], targets[s.attrib[_RELATION]])
                for s in book.iter(f"{_MAIN}sheet")
                if s.attrib.get("state", "visible") == "visible"
            ]
            properties = book.find(f"{_MAIN}workbookPr")
            self._since_1904 = properties is not None and properties.attrib.get("date1904") in ("1", "true")
            self._kinds = self._styles()
            self._strings: Strings | None = None
        except (KeyError, ElementTree.ParseError, ValueError, zipfile.BadZipFile):
            raise NotPlain from None

    def size(self, sheet: SheetPart) -> int:
        """Bytes of the sheet's part, unpacked."""
        try:
            return self._zip.getinfo(sheet.path).file_size
        except KeyError:
            raise NotPlain from None

    def blocks(self, sheet: SheetPart) -> Iterator[Block | Columns]:
        """The rows from the first one on, empty ones too, up to the last that holds something; blank cells as None.

        Raises:
            NotPlain: a row is not read here; it and those after it are left to the caller.
        """
        done = 0
        try:
            if self._strings is None:
                self._strings = self._read_strings()
            plain = PlainRows(self._strings, self._kinds, since_1904=self._since_1904)
            with self._zip.open(sheet.path) as part:
                for block in _rows_of(part):
                    columns = plain.block(block, done)
                    if columns is not None:
                        rows = block.count(b"</row>")
                        yield Columns(done + 1, columns, rows)
                        done += rows
                        continue
                    for text in _split(block):
                        head = _ROW.match(text)
                        number = int(head[1]) if head else 0
                        if head is None or not done < number <= _LAST_ROW:
                            raise NotPlain
                        if cells := plain.cells(text, head.end()):
                            empty: list[Row] = [[]] * (number - done - 1)
                            yield Block(range(done + 1, number + 1), [*empty, cells])
                            done = number
        except (KeyError, ValueError, zipfile.BadZipFile, zlib.error, EOFError):
            raise NotPlain from None

    def rows(self, sheet: SheetPart) -> Iterator[Row]:
        """`blocks` row by row."""
        for block in self.blocks(sheet):
            yield from (block.rows() if isinstance(block, Columns) else block).rows

    def _styles(self) -> dict[bytes, bool]:
        """Style -> whether its numbers are dates; one that cannot be told is left out."""
        sheet = ElementTree.fromstring(self._zip.read("xl/styles.xml"))  # noqa: S314
        codes = {int(f.attrib["numFmtId"]): f.attrib["formatCode"] for f in sheet.iter(f"{_MAIN}numFmt")}
        kinds: dict[bytes, bool] = {b"": False}
        formats = sheet.find(f"{_MAIN}cellXfs")
        for number, style in enumerate(formats if formats is not None else ()):
            chosen = int(style.attrib.get("numFmtId", "0"))
            code = codes.get(chosen)
            if (code and _DATE_CODE.fullmatch(code)) or (code is None and chosen in _DATE_FORMATS):
                kinds[str(number).encode()] = True
            elif (code and (_NUMBER_CODE.fullmatch(code) or code in ("General", "@"))) or (
                code is None and chosen in _OTHER_BUILT_IN
            ):
                kinds[str(number).encode()] = False
        return kinds

    def _read_strings(self) -> Strings:
        strings = Strings()
        if "xl/sharedStrings.xml" in self._zip.namelist():
            with self._zip.open("xl/sharedStrings.xml") as part:
                for text in _blocks(part, b"</si>"):
                    found = _STRING.findall(text)
                    if len(found) != text.count(b"<si>") + text.count(b"<si ") or b"<si/>" in text or is_odd(text):
                        raise NotPlain
                    strings.extend(found)
        return strings


def _blocks(part: IO[bytes], end: bytes) -> Iterator[bytes]:
    """A part in pieces that end with an element's end tag; the last one is what follows."""
    rest = part.read(_BLOCK)
    declared = _ENCODING.match(rest)
    if declared and declared[1].lower() != b"utf-8":
        raise NotPlain
    while rest:
        whole, found, rest = rest.rpartition(end)
        if found:
            yield whole + end
        elif len(rest) > _LONGEST_ROW:
            raise NotPlain
        block = part.read(_BLOCK)
        if not block:
            yield rest
            return
        rest += block


def _rows_of(part: IO[bytes]) -> Iterator[bytes]:
    """The rows of a sheet, some at a time."""
    inside = False
    for block in _blocks(part, b"</row>"):
        if not inside:
            _, found, block = block.partition(b"<sheetData>")
            if not found:
                raise NotPlain
            inside = True
        if block.endswith(b"</row>"):
            if is_odd(block):
                raise NotPlain
            yield block
        elif b"<row " in block and not block.startswith(b"<row "):
            raise NotPlain


def _split(block: bytes) -> Iterator[bytes]:
    """Each row of a block without its end tag."""
    for row in block.split(b"</row>")[:-1]:
        while row.startswith(b"<row ") and (end := row.find(b">")) > 0 and row[end - 1 : end] == b"/":
            row = row[end + 1 :]  # a row without cells
        yield row
