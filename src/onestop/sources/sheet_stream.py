"""Large plain sheets, row by row: memory that does not grow with the sheet, where calamine holds a sheet whole.

Only what programs that export tables write is read here: shared or plain strings without markup, numbers, dates of
common formats. At the first cell of any other form `NotPlain` is raised, and the caller reads on with calamine: what
was read up to there is the same, cell by cell, as calamine gives it (a test compares them).
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, BinaryIO
from xml.etree import ElementTree

from onestop.sources.portal_cells import Cell

Cells = list[Cell]
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_BLOCK = 1 << 20
_LAST_ROW = 1 << 20
_LONGEST_ROW = 8 << 20
_STRINGS_AT_HAND = 65_536
_ENCODING = re.compile(rb"\s*<\?xml [^>]*encoding=[\"']([^\"']*)")
_ROW = re.compile(rb'<row r="([0-9]{1,7})"[^>]*>')
_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]+)")?(?: t="(s|n|str)")?(?:/>|>(?:<v>([^<]*)</v>)?</c>)'
)
_STRING = re.compile(rb'<si>(?:<t(?: xml:space="preserve")?>([^<]*)</t>|<t/>)</si>')
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
# Escapes of control characters, and line ends that XML reads as others: left to calamine.
_ODD = re.compile(rb"_x[0-9A-Fa-f]{4}_|\r|<!")
_DATE_FORMATS = frozenset({14, 15, 16, 17, 22})
_OTHER_BUILT_IN = frozenset({0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 37, 38, 39, 40, 48, 49})
_DATE_CODE = re.compile(r"(?:\[\$-[0-9A-Fa-f]+\])?d{1,2}[/.-]m{1,2}[/.-]y{2,4}(?:[ \\]*h{1,2}:m{2}(?::s{2})?)?(?:;@)?")
_NUMBER_CODE = re.compile(r"[#0,.% ]+")
_BEGIN, _BEGIN_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001  (a wall clock's)
_FIRST_DAY, _END = 61.0, 2_958_465.0  # 1900-03-01, after the day that 1900 did not have; 9999-12-31


class NotPlain(Exception):
    """The workbook holds something that is not read here."""


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
            since_1904 = properties is not None and properties.attrib.get("date1904") in ("1", "true")
            self._begin = _BEGIN_1904 if since_1904 else _BEGIN
            self._first_day = 1.0 if since_1904 else _FIRST_DAY
            self._kinds = self._styles()
            self._strings: _Strings | None = None
        except (KeyError, ElementTree.ParseError, ValueError, zipfile.BadZipFile):
            raise NotPlain from None

    def size(self, sheet: SheetPart) -> int:
        """Bytes of the sheet's part, unpacked."""
        try:
            return self._zip.getinfo(sheet.path).file_size
        except KeyError:
            raise NotPlain from None

    def rows(self, sheet: SheetPart) -> Iterator[Cells]:
        """The rows from the first one on, empty ones too; cells up to the last that holds something, blanks as None.

        Raises:
            NotPlain: at the first row that is not read here.
        """
        done = 0
        try:
            if self._strings is None:
                self._strings = self._read_strings()
            with self._zip.open(sheet.path) as part:
                for text in _rows_of(part):
                    head = _ROW.match(text)
                    number = int(head[1]) if head else 0
                    if not done < number <= _LAST_ROW:
                        raise NotPlain
                    cells = self._cells(text)
                    if cells:
                        yield from ([] for _ in range(number - done - 1))
                        yield cells
                        done = number
        except (KeyError, ValueError, zipfile.BadZipFile, zlib.error, EOFError):
            raise NotPlain from None

    def _cells(self, text: bytes) -> Cells:
        found = _CELL.findall(text)
        if len(found) != text.count(b"<c ") + text.count(b"<c>") or _ODD.search(text):
            raise NotPlain
        assert self._strings is not None  # noqa: S101  (rows reads them)
        strings, kinds = self._strings, self._kinds
        cells: Cells = []
        for column, style, kind, written in found:
            if not written:
                continue
            value: Cell
            if kind == b"s":
                value = strings[int(written)]
            elif kind == b"str":
                value = _text(written)
            else:
                value = number = float(written)
                is_date = kinds.get(style)
                if is_date:
                    value = self._moment(number)
                elif is_date is None:
                    raise NotPlain
            place = _place(column)
            if place < len(cells):
                raise NotPlain
            if place > len(cells):
                cells += [None] * (place - len(cells))
            cells.append(value)
        return cells

    def _moment(self, days: float) -> Cell:
        if not self._first_day <= days < _END - 1_462:
            raise NotPlain
        if days == int(days):
            return (self._begin + timedelta(days=days)).date()
        return self._begin + timedelta(milliseconds=math.floor(days * 86_400_000 + 0.5))

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

    def _read_strings(self) -> _Strings:
        strings = _Strings()
        if "xl/sharedStrings.xml" in self._zip.namelist():
            with self._zip.open("xl/sharedStrings.xml") as part:
                for text in _blocks(part, b"</si>"):
                    found = _STRING.findall(text)
                    if len(found) != text.count(b"<si>") + text.count(b"<si ") or b"<si/>" in text or _ODD.search(text):
                        raise NotPlain
                    for written in found:
                        strings.add(written)
        return strings


class _Strings:
    """The shared strings: the first ones, which repeat, as text; the others, mostly codes, packed."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._packed = bytearray()
        self._ends = array("Q", [0])

    def add(self, written: bytes) -> None:
        if len(self._first) < _STRINGS_AT_HAND:
            self._first.append(_text(written))
        else:
            self._packed += written
            self._ends.append(len(self._packed))

    def __getitem__(self, number: int) -> str:
        if number < len(self._first):
            return self._first[number]
        at = number - len(self._first)
        if at + 1 >= len(self._ends):
            raise NotPlain
        return _text(bytes(self._packed[self._ends[at] : self._ends[at + 1]]))


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
    inside = False
    for block in _blocks(part, b"</row>"):
        if not inside:
            _, found, block = block.partition(b"<sheetData>")
            if not found:
                raise NotPlain
            inside = True
        rows = block.split(b"</row>")
        for row in rows[:-1]:
            while row.startswith(b"<row ") and (end := row.find(b">")) > 0 and row[end - 1 : end] == b"/":
                row = row[end + 1 :]  # a row without cells
            yield row
        if b"<row " in rows[-1] and not rows[-1].startswith(b"<row "):
            raise NotPlain


def _text(written: bytes) -> str:
    text = written.decode()
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return _NAMED[found[1]]
    return chr(int(found[2]) if found[2] else int(found[3], 16))


_PLACES: dict[bytes, int] = {}


def _place(column: bytes) -> int:
    """The 0-based place of a column by its letters."""
    place = _PLACES.get(column)
    if place is None:
        place = 0
        for letter in column:
            place = place * 26 + letter - 64
        place -= 1
        _PLACES[column] = place
    return place
