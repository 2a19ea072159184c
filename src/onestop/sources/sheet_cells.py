"""Cells of a plainly written row of a sheet, as calamine gives them: `PlainRows` makes them from the row's XML.

Rows of a table are written alike, so that the form of those seen before is learned: one pattern then takes a whole block
of rows apart, and its columns are converted one by one. Where a row has another form the block is read row by row, that
row cell by cell, and it adds to what was learned.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import isnan
from typing import Any

from onestop.sources.portal_cells import Cell

Cells = list[Cell]
_STRINGS_AT_HAND = 65_536
_MOMENTS_AT_HAND = 16_384  # appointments repeat, and so do two dates of one dossier
_MOST_COLUMNS = 200  # of a row's learned form
_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})[0-9]{1,7}"(?: s="([0-9]+)")?(?: t="(s|n|str)")?(?:/>|>(?:<v>([^<]*)</v>)?</c>)'
)
_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_ESCAPED = re.compile(rb"_x[0-9A-Fa-f]{4}_")
_BEGIN, _BEGIN_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001  (a wall clock's)
_FIRST_DAY = 61.0  # 1900-03-01, after the day that 1900 did not have
_LAST_DAY = 2_958_465.0 - 1_462  # 9999-12-31, counted from 1904
_DAY = 86_400_000  # milliseconds


class NotPlain(Exception):
    """The workbook holds something that is not read here."""


def is_odd(text: bytes) -> bool:
    """Escapes of control characters, and line ends that XML reads as others: left to calamine."""
    # One byte is found ten times as fast as two.
    return (
        b"\r" in text
        or (b"!" in text and b"<!" in text)
        or (b"_" in text and b"_x" in text and _ESCAPED.search(text) is not None)
    )


def text_of(written: bytes) -> str:
    """Character data as text."""
    text = written.decode()
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(found: re.Match[str]) -> str:
    if found[1]:
        return _NAMED[found[1]]
    return chr(int(found[2]) if found[2] else int(found[3], 16))


class Strings:
    """The shared strings: the first ones, which repeat, as text; the others, mostly codes, packed."""

    def __init__(self) -> None:
        self._first: list[str] = []
        self._packed = bytearray()
        self._ends = array("I", [0])  # a part unpacked has less than 4 GB

    def extend(self, written: Sequence[bytes]) -> None:
        """The next ones, as they are written."""
        room = max(0, _STRINGS_AT_HAND - len(self._first))
        if written[:room]:
            text = b"\0".join(written[:room])
            alone = b"&" in text or text.count(b"\0") != len(written[:room]) - 1
            self._first += map(text_of, written[:room]) if alone else text.decode().split("\0")
        for one in written[room:]:
            self._packed += one
            self._ends.append(len(self._packed))

    def at_all(self, places: Sequence[bytes]) -> list[str]:
        """By their numbers. Raises NotPlain where one is missing."""
        numbers = list(map(int, places))
        if max(numbers, default=0) < len(self._first):
            return list(map(self._first.__getitem__, numbers))
        return list(map(self.at, places))

    def at(self, place: bytes) -> str:
        """By its number. Raises NotPlain where there is none."""
        number = int(place)
        if number < len(self._first):
            return self._first[number]
        at = number - len(self._first)
        if at + 1 >= len(self._ends):
            raise NotPlain
        return text_of(bytes(self._packed[self._ends[at] : self._ends[at + 1]]))


@dataclass(frozen=True)
class Moments:
    """A column of dates as a sheet counts them: days since `begin`, None where blank."""

    days: Sequence[float | None]
    begin: datetime

    def cells(self) -> list[Cell]:
        """A date where no time is given, else a moment to the millisecond."""
        return [None if days is None else _moment(days, self.begin) for days in self.days]


def _moment(days: float, begin: datetime) -> Cell:
    if days.is_integer():
        return (begin + timedelta(days)).date()
    return begin + timedelta(0, 0, 0, int(days * _DAY + 0.5))


class PlainRows:
    """Turns rows of one sheet into cells.

    Args:
        strings: of the workbook.
        kinds: style -> whether its numbers are dates; of a style that is missing this is not known.
        since_1904: how dates are counted.
    """

    def __init__(self, strings: Strings, kinds: Mapping[bytes, bool], *, since_1904: bool) -> None:
        self._strings = strings
        self._kinds = kinds
        self._begin = _BEGIN_1904 if since_1904 else _BEGIN
        self._first_day = 1.0 if since_1904 else _FIRST_DAY
        self._seen: dict[int, tuple[bytes, bytes, bytes]] = {}  # place -> its letters, style, type when last seen
        self._moment = lru_cache(_MOMENTS_AT_HAND)(self._read_moment)
        self._missed, self._learn_at = 0, 1
        self._row: re.Pattern[bytes] | None = None
        self._rows: re.Pattern[bytes] | None = None
        self._converters: list[Callable[[bytes], Cell]] = []

    def block(self, text: bytes, done: int) -> list[Sequence[Cell] | Moments] | None:
        """The columns of a block of rows, blanks as None; None where not all are of the learned form, or a row is empty.

        Args:
            text: rows with their end tags, nothing in it `is_odd`. done: the number of the row before them.

        Raises:
            NotPlain: something in it is not read here.
        """
        found = self._rows.findall(text) if self._rows else []
        if not found or len(found) != text.count(b"</row>"):
            return None
        numbers, *columns = zip(*found, strict=True)
        if list(map(int, numbers)) != list(range(done + 1, done + 1 + len(numbers))):
            return None
        if all(b"" in column for column in columns):
            return None
        return list(map(self._convert_all, self._converters, columns))

    def _convert_all(self, convert: Callable[[bytes], Cell], column: Sequence[bytes]) -> Sequence[Cell] | Moments:
        filled = [written for written in column if written] if b"" in column else column
        if not filled:
            return [None] * len(column)
        values: list[Any] = []
        if convert == self._moment:
            values += map(float, filled)
            if not self._first_day <= min(values) <= max(values) < _LAST_DAY or isnan(sum(values)):
                raise NotPlain
        elif convert == self._strings.at:
            values += self._strings.at_all(filled)
        else:
            values += map(convert, filled)
        if len(filled) < len(column):
            of_filled = iter(values)
            values = [next(of_filled) if written else None for written in column]
        return Moments(values, self._begin) if convert == self._moment else values

    def cells(self, text: bytes, start: int) -> Cells:
        """Cells up to the last that holds something, blanks as None.

        Args:
            text: the row, without its end tag; nothing in it `is_odd`. start: where its first cell begins.

        Raises:
            NotPlain: something in it is not read here.
        """
        found = self._row.fullmatch(text, start) if self._row else None
        if found is None:
            return self._one_by_one(text[start:])
        cells = [
            convert(written) if written else None
            for convert, written in zip(self._converters, found.groups(), strict=True)
        ]
        while cells and cells[-1] is None:
            cells.pop()
        return cells

    def _one_by_one(self, text: bytes) -> Cells:
        found = _CELL.findall(text)
        if len(found) != text.count(b"<c ") + text.count(b"<c>"):
            raise NotPlain
        cells: Cells = []
        for column, style, kind, written in found:
            if not written:
                continue
            value = self._converter(style, kind)(written)
            place = _place(column)
            if place < len(cells):
                raise NotPlain
            if place > len(cells):
                cells += [None] * (place - len(cells))
            cells.append(value)
            self._seen[place] = column, style, kind
        self._missed += 1
        if self._missed == self._learn_at:  # after 1, 2, 4, 8 ... rows: an untidy sheet does not cost a pattern a row
            self._learn_at *= 2
            self._learn()
        return cells

    def _learn(self) -> None:
        width = max(self._seen, default=-1) + 1
        if width > _MOST_COLUMNS:
            return
        parts = [rb"()"] * width
        self._converters = [text_of] * width
        for place, (column, style, kind) in self._seen.items():
            said = (b' s="%b"' % style if style else b"") + (b' t="%b"' % kind if kind else b"")
            parts[place] = rb'(?:<c r="%b[0-9]{1,7}"(?:%b><v>([^<]*)</v></c>|(?: s="[0-9]+")?(?:/>|></c>)))?' % (
                column,
                said,
            )
            self._converters[place] = self._converter(style, kind)
        cells = b"".join(parts)
        self._row = re.compile(cells)
        self._rows = re.compile(rb'<row r="([0-9]{1,7})"[^>]*>' + cells + rb"</row>")

    def _converter(self, style: bytes, kind: bytes) -> Callable[[bytes], Cell]:
        if kind == b"s":
            return self._strings.at
        if kind == b"str":
            return text_of
        is_date = self._kinds.get(style)
        if is_date is None:
            raise NotPlain
        return self._moment if is_date else float

    def _read_moment(self, written: bytes) -> Cell:
        days = float(written)
        if not self._first_day <= days < _LAST_DAY:
            raise NotPlain
        return _moment(days, self._begin)


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
