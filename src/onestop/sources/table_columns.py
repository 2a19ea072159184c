"""Plain lines (`plain_lines`) -> columns of a table: what `portal_cells` makes of each cell, made of a column at once.

Dates of the forms that exports have are turned around as bytes. Of labels and amounts every distinct one is converted
once, by `portal_cells`, and so is a date of another form.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from onestop.sources.plain_lines import CELL_END, LINE_END
from onestop.sources.portal_cells import Value, converter
from onestop.sources.portal_columns import Column as LayoutColumn
from onestop.sources.portal_columns import Layout
from onestop.sources.table_records import Column
from onestop.sources.text import are_moments, bytes_of

# A date as typed: its signs in their places, and where the digits of its moment stand in it and in fourteen digits.
_SIGNS = {2: "/", 5: "/", 10: " ", 13: ":", 16: ":"}
_DIGITS = np.array([6, 7, 8, 9, 3, 4, 0, 1, 11, 12, 14, 15, 17, 18])
_LAST_DAYS = {"1899-12-30": 2_958_465, "1904-01-01": 2_957_003}  # 9999-12-31, counted from each
_BLOCK = 1 << 20  # bytes; no line is nearly as long
_PLAIN = pacsv.ParseOptions(delimiter=CELL_END.decode(), quote_char=False, double_quote=False, ignore_empty_lines=False)
_DATE_LENGTHS = (len("dd/mm/yyyy"), len("dd/mm/yyyy HH:MM"), len("dd/mm/yyyy HH:MM:SS"))


def columns_of(text: bytes, rows: int, named: Sequence[tuple[str, bool] | None], layout: Layout) -> dict[str, Column]:
    """Field -> its values, as an Arrow array of texts; as a list where some of them are numbers.

    Args:
        rows: how many lines there are.
        named: by place, what a column is called, and whether it is the layout's; None is left out.

    Raises:
        ValueError: these are not so many lines of so many cells of UTF-8.
    """
    places = [str(place) for place in range(len(named))]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(text),
            pacsv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=places),
            _PLAIN,
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(places, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:  # which quotes what it does not understand
        table = None
    if table is None or len(table) != rows or not text.endswith(LINE_END):
        raise ValueError("not a table of this width")
    known = {column.field: column for column in layout.columns}
    found: dict[str, Column] = {}
    for name, chunked in zip(named, table.columns, strict=True):
        if name is not None:
            column = chunked.combine_chunks()
            found[name[0]] = _converted(column, known[name[0]]) if name[1] else column
    first = [c.field for c in layout.columns if c.field in found]
    return {field: found[field] for field in dict.fromkeys([*first, *found])}


def _converted(column: pa.StringArray, layout: LayoutColumn) -> Column:
    if layout.kind in ("text", "code"):
        return column
    convert = converter(layout)
    if layout.kind != "date":
        coded = column.dictionary_encode()
        return _taken(convert(coded.dictionary.to_pylist()), coded.indices)
    stamps, done = _stamps(column)
    if done.all():
        return stamps
    usual, others = (
        iter(stamps.filter(pa.array(done)).to_pylist()),
        iter(convert(column.filter(pa.array(~done)).to_pylist())),
    )
    return _array([next(usual if is_usual else others) for is_usual in done.tolist()])


def _taken(values: Sequence[Value], places: pa.Array) -> Column:
    array = _array(values)
    if isinstance(array, pa.Array):
        return array.take(places)
    return [None if place is None else values[place] for place in places.to_pylist()]


def _array(values: Sequence[Value]) -> Column:
    """Values as an array, unless some are numbers."""
    return pa.array(values, pa.string()) if set(map(type, values)) <= {str, type(None)} else list(values)


def _stamps(column: pa.StringArray) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Dates of usual forms as fourteen digits; and which cells are blank or were turned into such."""
    lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy()
    stamps = np.full((14, len(column)), ord("0"), np.uint8)  # digit by digit
    done = lengths == 0
    for length in _DATE_LENGTHS:
        alike = lengths == length
        if not alike.any():
            continue
        alone = (alike | (lengths == 0)).all()
        written = bytes_of(column if alone else column.filter(pa.array(alike)))
        typed = np.ascontiguousarray(written.reshape(-1, length).T)
        digits = _DIGITS[length > _DIGITS]
        stamps[: len(digits), alike] = typed[digits]
        done[alike] = np.logical_and.reduce([typed[at] == ord(sign) for at, sign in _SIGNS.items() if at < length])
    filled = lengths > 0
    done &= are_moments(stamps - ord("0")) | ~filled
    return _of_fourteen(stamps.T, filled), done


def stamps_of_days(days: Sequence[float | None], begin: str) -> pa.Array:
    """Dates as a sheet counts them (days since `begin`), rounded to the second: what `portal_cells` makes of moments.

    Raises:
        ValueError: one is none of the years 1900 to 9999.
    """
    counted = np.array(days, np.float64)  # of None NaN
    filled = ~np.isnan(counted)
    counted[~filled] = 1
    if not ((counted >= 0) & (counted < _LAST_DAYS.get(begin, 0))).all():
        raise ValueError("not days of a sheet")
    day, second = np.divmod(((counted * 86_400_000 + 0.5).astype(np.int64) + 500) // 1000, 86_400)
    shown, place = np.unique(day, return_inverse=True)
    dates = (
        np.array([str(one).replace("-", "") for one in np.datetime64(begin, "D") + shown], "S8")
        .view(np.uint8)
        .reshape(-1, 8)
    )
    stamps = np.empty((len(day), 14), np.uint8)
    stamps[:, :8] = dates[place]
    for at, part in ((8, second // 3600), (10, second // 60 % 60), (12, second % 60)):
        stamps[:, at], stamps[:, at + 1] = part // 10 + ord("0"), part % 10 + ord("0")
    return _of_fourteen(stamps, filled)


def _of_fourteen(stamps: npt.NDArray[np.uint8], filled: npt.NDArray[np.bool_]) -> pa.Array:
    """Texts of fourteen digits each, null where nothing is filled."""
    offsets = np.zeros(len(filled) + 1, np.int32)
    np.cumsum(filled * 14, out=offsets[1:])
    kept = stamps if filled.all() else stamps[filled]
    valid = None if filled.all() else pa.py_buffer(np.packbits(filled, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(filled), [valid, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(kept))]
    )
