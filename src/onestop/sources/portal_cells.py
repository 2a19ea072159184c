"""Cells of a portal export -> values of a record: texts, codes, 14-digit dates, plain amounts, label codes.

A cell that is not of a form that the contract allows stays as delivered, for the rules to find; where its
text would look like the form wanted (a bare status 2, a code that Excel made a number), it is handed on as
a JSON number, which no rule takes for text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache, partial

import orjson

from onestop.sources.portal_columns import Column, folded

Cell = str | int | float | bool | date | datetime | time | timedelta | None
Value = str | int | float | None
_DATE_TEXT = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})(?: ([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?")
_CURRENCY = re.compile(r"\s*(?:đ|₫|vnđ|vnd|đồng)\s*$", re.IGNORECASE)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}([.,])[0-9]{3}(?:\1[0-9]{3})*")
_LONGEST_FORM = 64  # no date, amount or label is longer; longer texts are not looked into
_HALF_SECOND = timedelta(microseconds=500_000)


def plain(value: Cell) -> str | None:
    """A cell as text; blank is None; whole numbers have no decimal point, and no number an exponent."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, datetime):
        return value.strftime("%d/%m/%Y %H:%M:%S")
    return value.strftime("%d/%m/%Y") if isinstance(value, date) else str(value)


def _number_text(value: int | float) -> str:
    if value == int(value):
        return str(int(value))
    text = repr(value)
    return text if "e" not in text else f"{value:.20f}".rstrip("0")


def converter(column: Column) -> Callable[[Sequence[Cell]], list[Value]]:
    """What turns a chunk's cells of one column into values of its field."""
    if column.kind == "label":
        return partial(_labels, labels=column.labels or {}, seen={})
    return {"text": _texts, "code": _codes, "date": _dates, "amount": _amounts}[column.kind]


def _texts(cells: Sequence[Cell]) -> list[Value]:
    return [
        cell or None
        if type(cell) is str
        else str(int(cell))
        if type(cell) is float and cell.is_integer()
        else plain(cell)
        for cell in cells
    ]


def _codes(cells: Sequence[Cell]) -> list[Value]:
    if cells.count(None) == len(cells):
        return [None] * len(cells)
    return [cell or None if type(cell) is str else _code(cell) for cell in cells]


def _code(cell: Cell) -> Value:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return int(cell) if cell == int(cell) and abs(cell) < 1e18 else cell
    return plain(cell)


def _dates(cells: Sequence[Cell]) -> list[Value]:
    stamps = iter(_stamps([cell for cell in cells if type(cell) is datetime]))
    return [
        date_text(cell) if type(cell) is str else next(stamps) if type(cell) is datetime else _date(cell)
        for cell in cells
    ]


def _stamps(moments: list[datetime]) -> list[str]:
    """All at once through the JSON writer: ten times as fast as one by one."""
    if any(moment.microsecond for moment in moments):  # a day's fraction is seldom a whole second
        moments = [(moment + _HALF_SECOND).replace(microsecond=0) for moment in moments]
    return orjson.dumps(moments).translate(None, b'-:T"[]').decode().split(",") if moments else []


def _date(cell: Cell) -> Value:
    if isinstance(cell, date):
        return f"{cell:%Y%m%d}000000".zfill(14)
    return _no_stamp(plain(cell))


def _no_stamp(text: str | None) -> Value:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) == 14 else text


@lru_cache(maxsize=65_536)
def date_text(text: str) -> Value:
    """`dd/mm/yyyy`, with `HH:MM` or `HH:MM:SS` or nothing, as 14 digits; anything else as it is."""
    if len(text) > _LONGEST_FORM:
        return text
    found = _DATE_TEXT.fullmatch(text)
    if not found:
        bare = " ".join(text.split())
        found = _DATE_TEXT.fullmatch(bare)
        if not found:
            return _no_stamp(bare) if bare else None
    day, month, year, hour, minute, second = found.groups("00")
    try:
        datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))  # noqa: DTZ001
    except ValueError:
        return text
    return f"{year}{month}{day}{hour}{minute}{second}"


def _amounts(cells: Sequence[Cell]) -> list[Value]:
    return [amount_text(cell) if type(cell) is str else plain(cell) for cell in cells]


@lru_cache(maxsize=65_536)
def amount_text(text: str) -> Value:
    """`1.219.000`, `1.219.000 đ`, `1,219,000` as plain digits; anything else as it is."""
    if len(text) > _LONGEST_FORM:
        return text
    bare = _CURRENCY.sub("", text.strip())
    if _GROUPED.fullmatch(bare):
        return bare.replace(".", "").replace(",", "")
    return (bare if bare.isascii() and bare.isdigit() else text) or None


def _labels(cells: Sequence[Cell], labels: Mapping[str, str], seen: dict[Cell, Value]) -> list[Value]:
    if len(seen) > 10_000:
        seen.clear()
    for cell in set(cells).difference(seen):
        seen[cell] = _label(plain(cell), labels)
    return [seen[cell] for cell in cells]


def _label(text: str | None, labels: Mapping[str, str]) -> Value:
    if text is None or not text.strip():
        return None
    if len(text) > _LONGEST_FORM:
        return text
    code = labels.get(folded(text))
    if code is not None:
        return code
    bare = text.strip()
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < 16 else text
