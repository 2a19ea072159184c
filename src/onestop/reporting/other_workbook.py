"""The quarter's other parts (`figures.forms`) as an Excel workbook: one sheet per layout, one row per unit by level.

The same figures give the same bytes. A share stands in its cell in hundredths of a percent and is shown as 99,46 %, so that
the comma does not hang on the reader's locale.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from itertools import groupby

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from onestop.reporting import numbers_vi
from onestop.reporting.consequence import MARK_NOTE, bounds
from onestop.reporting.layouts import Column, Layout
from onestop.reporting.literal import one_line
from onestop.reporting.model import ReportFigures
from onestop.reporting.other_forms import Line, lines
from onestop.reporting.wording import edition_notes, period_title, province_title, standing
from onestop.reporting.workbook import LEVEL_HEADINGS, Formats, merge, open_book

_HEAD = 7  # zero-based: the first row of the table's head


def write_other_workbook(figures: ReportFigures) -> bytes:
    """The workbook's bytes."""
    buffer = BytesIO()
    book = open_book(buffer, figures, "Các biểu khác", province_title(figures.province_name))
    formats = Formats(book)
    for number, layout in enumerate(figures.forms, 1):
        _sheet(book, formats, figures, layout, _sheet_name(layout, number))
    book.close()
    return buffer.getvalue()


def _sheet_name(layout: Layout, number: int) -> str:
    # Excel refuses some characters and more than 31 of them; the number keeps names apart.
    name = re.sub(r"[\[\]:*?/\\\x00-\x1f']", " ", layout.code).strip()[:27]
    return name or f"Biểu {number}"


def _sheet(book: xlsxwriter.Workbook, f: Formats, figures: ReportFigures, layout: Layout, name: str) -> None:
    taken = {sheet.get_name().casefold() for sheet in book.worksheets()}
    sheet = book.add_worksheet(name if name.casefold() not in taken else f"{name} ({len(taken) + 1})")
    last = len(layout.columns) + 1
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)
    sheet.repeat_rows(_HEAD, _HEAD + 1)
    sheet.freeze_panes(_HEAD + 2, 2)
    sheet.set_column(0, 0, 5)
    sheet.set_column(1, 1, 42)
    sheet.set_column(2, last, 13)
    sheet.set_footer(f"&L{standing(figures)}&RTrang &P/&N")
    province = province_title(figures.province_name)
    first_day, last_day = numbers_vi.day(figures.period.first), numbers_vi.day(figures.period.last)
    sheet.write_string(0, 0, f"Biểu số {one_line(layout.code)}", f.bold)
    sheet.write_string(1, 0, f"Đơn vị báo cáo: UBND {province}", f.plain)
    merge(sheet, 2, 0, 2, last, one_line(layout.title_vi).upper(), f.title)
    merge(sheet, 3, 0, 3, last, f"Kỳ báo cáo: {period_title(figures.period)}", f.centre_bold)
    merge(sheet, 4, 0, 4, last, f"(Từ ngày {first_day} đến ngày {last_day})", f.centre_italic)
    said = f"{standing(figures).upper()} (số liệu cập nhật đến {numbers_vi.moment(figures.known_at)})"
    merge(sheet, 5, 0, 5, last, said, f.draft)
    sheet.write_string(6, last, f"Đơn vị tính: {one_line(layout.unit_vi)}", f.right_italic)
    _head(sheet, f, layout)
    row = _HEAD + 2
    for level, of_level in groupby(lines(layout, figures), key=lambda line: line.level):
        if level is None:
            for line in of_level:
                row = _row(sheet, f, figures, layout.columns, line, row, None)
            continue
        letter, heading = LEVEL_HEADINGS[level]
        sheet.write_string(row, 0, letter, f.order_bold)
        sheet.write_string(row, 1, heading, f.text_bold)
        for column in range(2, last + 1):
            sheet.write_blank(row, column, None, f.number)
        row += 1
        for number, line in enumerate(of_level, 1):
            row = _row(sheet, f, figures, layout.columns, line, row, number)
    shown = {column.metric for column in layout.columns if column.show == "value" and column.metric}
    doubt = MARK_NOTE if any(shown & of_unit.keys() for of_unit in figures.consequence.values()) else ""
    for note in filter(None, [one_line(layout.note_vi), doubt, *edition_notes(figures)]):
        row += 1
        sheet.write_string(row, 0, note, f.italic)


def _head(sheet: Worksheet, f: Formats, layout: Layout) -> None:
    merge(sheet, _HEAD, 0, _HEAD + 1, 0, "TT", f.head)
    merge(sheet, _HEAD, 1, _HEAD + 1, 1, "Đơn vị", f.head)
    column = 2
    for name, span in layout.groups(vi=True):
        titles = [one_line(c.title_vi) for c in layout.columns[column - 2 : column - 2 + span]]
        if not name:
            merge(sheet, _HEAD, column, _HEAD + 1, column, titles[0], f.head)
        else:
            if span > 1:
                merge(sheet, _HEAD, column, _HEAD, column + span - 1, one_line(name), f.head)
            else:
                sheet.write_string(_HEAD, column, one_line(name), f.head)
            for place, title in enumerate(titles):
                sheet.write_string(_HEAD + 1, column + place, title, f.head)
        column += span
    sheet.set_row(_HEAD + 1, 48)


def _row(
    sheet: Worksheet,
    f: Formats,
    figures: ReportFigures,
    columns: tuple[Column, ...],
    line: Line,
    row: int,
    number: int | None,
) -> int:
    """A unit's row; `number` None: the province's, in bold."""
    if number is None:
        sheet.write_blank(row, 0, None, f.order_bold)
        sheet.write_string(row, 1, "Tổng cộng", f.text_bold)
    else:
        sheet.write_number(row, 0, number, f.order)
        sheet.write_string(row, 1, one_line(line.name), f.texts[0])
    plain, share = (f.number, f.share) if number is not None else (f.number_bold, f.share_bold)
    doubted, share_doubted = (
        (f.doubted, f.share_doubted) if number is not None else (f.doubted_bold, f.share_doubted_bold)
    )
    for place, (column, value) in enumerate(zip(columns, line.values, strict=True), 2):
        if value is None or column.metric is None:
            sheet.write_blank(row, place, None, plain)
            continue
        marked = column.show == "value" and bounds(figures, line.code, column.metric)
        if column.show == "value" and figures.metrics[column.metric].unit == "ratio":
            hundredths = int((value * 10000).quantize(Decimal(1), ROUND_HALF_UP))
            sheet.write_number(row, place, hundredths, share_doubted if marked else share)
        else:
            sheet.write_number(row, place, float(value), doubted if marked else plain)
    return row + 1
