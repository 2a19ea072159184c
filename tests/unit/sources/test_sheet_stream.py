"""Large sheets are streamed: cell by cell what calamine gives, and calamine again where a cell is not plain."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from onestop.sandbox.portal_files import Dirt, write_xlsx
from onestop.sources import sheet_stream, spreadsheet_child
from onestop.sources.portal_cells import Cell, converter
from onestop.sources.portal_columns import DOSSIER
from onestop.sources.sheet_cells import Moments, PlainRows
from onestop.sources.sheet_stream import NotPlain, PlainWorkbook
from onestop.sources.table_columns import stamps_of_days
from onestop.sources.workbook_guard import Limits
from unit.sources.test_portal_reading import row

FORMATS = ["", "dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss", "d/m/yyyy h:mm", "[$-42A]dd/mm/yyyy;@", "#,##0", "h:mm", '0 "ngày"']
words = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufffe\uffff") | st.sampled_from("&<>\"' _x0041_\r\n"), max_size=8
)
numbers = (
    st.integers(-5, 3_000_000) | st.floats(-10, 3_000_000, allow_nan=False) | st.integers(61, 2_900_000).map(float)
)
cells = st.none() | words | st.booleans() | st.tuples(numbers, st.sampled_from(FORMATS))


def workbook(grid: dict[tuple[int, int], Any], **options: Any) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, **options})
    sheet = book.add_worksheet("a")
    formats = {code: book.add_format({"num_format": code} if code else {}) for code in FORMATS}
    for (at, column), value in grid.items():
        if isinstance(value, tuple):
            sheet.write_number(at, column, value[0], formats[value[1]])
        elif value is None:
            sheet.write_blank(at, column, None, formats["#,##0"])
        elif isinstance(value, bool):
            sheet.write_boolean(at, column, value)
        else:
            sheet.write_string(at, column, value)
    book.close()
    return out.getvalue()


def bare(rows: Sequence[Sequence[Any]]) -> list[list[tuple[type, Any]]]:
    """Rows without what is blank at their ends; with types, since 1 is True and a date's midnight no date."""
    found = []
    for cells in rows:
        kept = [None if cell == "" else cell for cell in cells]
        while kept and kept[-1] is None:
            kept.pop()
        found.append([(type(cell), cell) for cell in kept])
    return found


def streamed(content: bytes) -> tuple[list[Any], bool]:
    rows: list[Any] = []
    try:
        book = PlainWorkbook(io.BytesIO(content))
        for cells in book.rows(book.visible[0]):
            rows.append(cells)
    except NotPlain:
        return rows, False
    return rows, True


def whole(content: bytes) -> list[Any]:
    return list(CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).iter_rows())


@given(st.dictionaries(st.tuples(st.integers(0, 12), st.integers(0, 29)), cells, max_size=12), st.booleans())
@settings(deadline=None, max_examples=150)
def test_every_cell_is_what_calamine_gives(grid: dict[tuple[int, int], Any], since_1904: bool) -> None:
    content = workbook({**grid, (3, 0): "a"}, date_1904=since_1904)  # calamine begins with the first column in use
    rows, to_the_end = streamed(content)
    expected = whole(content)
    assert bare(rows) == bare(expected[: len(rows)])
    assert not to_the_end or len(rows) == len(expected)


alike = st.tuples(
    st.integers(1, 9), st.none() | st.sampled_from(["H15.07-240823-0001", "a&b"]), st.none() | st.floats(45_000, 46_000)
)


@given(st.lists(alike, min_size=8, max_size=40), st.dictionaries(st.integers(0, 39), cells, max_size=3), st.booleans())
@settings(deadline=None, max_examples=100)
def test_rows_alike_are_taken_apart_together(rows: list[Any], odd: dict[int, Any], has_gaps: bool) -> None:
    """Blocks of a few rows, of one form or with others in between, with empty rows or without."""
    step = 2 if has_gaps else 1
    grid = {(0, 0): "STT", (0, 2): "Ngày"} | {
        (place * step + 1, column): (value, FORMATS[2] if column == 2 else "")
        if isinstance(value, int | float)
        else value
        for place, values in enumerate(rows)
        for column, value in enumerate((values[0], odd.get(place, values[1]), values[2]))
    }
    content = workbook(grid)
    expected = whole(content)
    for block in (128, 1 << 20):
        with patch.object(sheet_stream, "_BLOCK", block):
            found, to_the_end = streamed(content)
        assert bare(found) == bare(expected[: len(found)])
        assert not to_the_end or len(found) == len(expected)


def test_the_form_of_rows_is_learned() -> None:
    moment = (45527.34409722222, FORMATS[2])
    content = workbook({(n, c): v for n in range(200) for c, v in enumerate([(n, ""), "a&b", moment])})
    read: list[int | None] = []

    class Noted(PlainRows):
        def block(self, text: bytes, done: int) -> list[Sequence[Cell] | Moments] | None:
            columns = super().block(text, done)
            read.append(columns and text.count(b"</row>"))
            return columns

    with patch.object(sheet_stream, "_BLOCK", 2_000), patch.object(sheet_stream, "PlainRows", Noted):
        rows, to_the_end = streamed(content)
    assert to_the_end and bare(rows) == bare(whole(content))
    assert read[0] is None and None not in read[1:] and len(read) > 5


def test_what_exports_hold_is_plain() -> None:
    moment = (45527.34409722222, "dd/mm/yyyy hh:mm:ss")
    content = workbook({(n, c): v for n in range(3, 9) for c, v in enumerate([(n, ""), "a&b", moment, None, " x "])})
    rows, to_the_end = streamed(content)
    assert to_the_end and bare(rows) == bare(whole(content)) and len(rows) == 9
    assert rows[3][2] == datetime(2024, 8, 23, 8, 15, 30)


@pytest.mark.parametrize("odd", [True, (0.5, "dd/mm/yyyy"), (60, "dd/mm/yyyy"), (1, "h:mm"), "_x0041_"])
def test_what_is_not_plain_is_left_to_calamine(odd: Any) -> None:
    assert not streamed(workbook({(0, 0): "a", (1, 0): odd}))[1]


def test_formulas_rich_text_and_other_encodings_are_not_plain(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"] = "=1+1"
    book.save(tmp_path / "a.xlsx")
    assert not streamed((tmp_path / "a.xlsx").read_bytes())[1]
    plain = workbook({(0, 0): "chữ"})
    for old, new in [
        (b"UTF-8", b"UTF-16"),
        (b"<si>", b"<si><r>"),
        (b"<t>", b"<t foreign='1'>"),
        (b"<sst", b"<sst><si/>"),
    ]:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(plain)) as source, zipfile.ZipFile(out, "w") as target:
            for part in source.namelist():
                text = source.read(part)
                target.writestr(part, text.replace(old, new) if part == "xl/sharedStrings.xml" else text)
        assert not streamed(out.getvalue())[1]


def test_many_strings_are_found_by_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onestop.sources.sheet_cells._STRINGS_AT_HAND", 3)
    content = workbook({(n, 0): f"H15-{n} & ế" for n in range(40)} | {(n, 1): f"H15-{39 - n} & ế" for n in range(40)})
    rows, to_the_end = streamed(content)
    assert to_the_end and bare(rows) == bare(whole(content))


DIRT = [
    Dirt(), Dirt(two_row_header=True, cover=True, hidden_copy=True), Dirt(epoch_1904=True, text_dates_every=3),
    Dirt(header_repeated_every=10, extra_columns={"Cột lạ": "x"}), Dirt(reversed_columns=True, starred=True),
]  # fmt: skip


@pytest.mark.parametrize("dirt", DIRT)
@pytest.mark.parametrize("broken_at", [None, 17])
def test_an_export_gives_the_same_messages_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dirt: Dirt, broken_at: int | None
) -> None:
    """Also where row 17 holds what only calamine reads: from there on it does."""
    rows = [row(n, **({"Tên TTHC": "a_x0041_"} if n == broken_at else {})) for n in range(1, 31)]
    file = write_xlsx(tmp_path / "a.xlsx", "HoSo", rows, dirt)
    found = []
    for large in (1 << 40, 0):
        monkeypatch.setattr(spreadsheet_child, "LARGE", large)
        with file.open("rb") as opened:
            messages = spreadsheet_child.read(opened, "dossier", "xlsx", "20240914235959", Limits())
            found.append(list(islice(messages, 100)))
    assert found[0] == found[1] and sum(len(m.get("numbers", ())) for m, _ in found[0]) == 30


@given(
    st.lists(st.none() | st.floats(61, 2_900_000) | st.integers(61, 2_900_000).map(float), min_size=1, max_size=20),
    st.sampled_from([datetime(1899, 12, 30), datetime(1904, 1, 1)]),
)
def test_days_and_moments_are_the_same_dates(days: list[float | None], begin: datetime) -> None:
    dates = next(column for column in DOSSIER.columns if column.kind == "date")
    expected = converter(dates)(Moments(days, begin).cells())
    assert stamps_of_days(days, f"{begin:%Y-%m-%d}").to_pylist() == expected


@pytest.mark.parametrize("day", [-1.0, 1e300, 3_000_000.0, float("inf")])
def test_days_beyond_all_years_are_refused(day: float) -> None:
    with pytest.raises(ValueError, match="days of a sheet"):
        stamps_of_days([45_000.5, None, day], "1899-12-30")
