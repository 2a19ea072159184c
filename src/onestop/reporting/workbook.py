"""Form II.06a/VPCP/KSTT as an Excel workbook, as the form of Circular 01/2020/TT-VPCP is printed.

Sheets: the province's form, "Tổng hợp" with one row per unit, and one form per unit asked for. Number cells hold plain
numbers; the format shows the Vietnamese thousands dot whatever the reader's locale. The same figures give the same
bytes: the file's date is the moment the figures are known at.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from io import BytesIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from onestop.reporting import form_doubts, numbers_vi
from onestop.reporting.consequence import MARK_NOTE, form_note, of_unit
from onestop.reporting.model import LEVELS, Counts, Level, LevelBlock, ReportFigures, UnitRow
from onestop.reporting.wording import (
    edition_notes,
    expected_notes,
    former_notes,
    period_title,
    province_title,
    standing,
)

# A conditional format with a literal dot: "#,##0" would show a comma wherever the locale is not Vietnamese.
THOUSANDS = r"[>=1000000]#\.###\.###;[>=1000]#\.###;0"
DOUBTED = r'[>=1000000]#\.###\.###"±";[>=1000]#\.###"±";0"±"'  # a plain number all the same; consequence.MARK
SHARE = r"0\,00\ \%"  # of a share in hundredths of a percent: a literal comma, whatever the locale
SHARE_DOUBTED = SHARE + '"±"'
FONT = "Times New Roman"
COLUMN_COUNT = 13
FIRST_TABLE_ROW = 9  # zero-based: rows above hold the title block
SUMMARY_SHEET = "Tổng hợp"
PROVINCE_SHEET = "II.06a"

AT_THE_CENTRE = "TẠI TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG"
AT_A_UNIT = "TẠI CƠ QUAN, ĐƠN VỊ TRỰC TIẾP GIẢI QUYẾT TTHC"
TITLE = "TÌNH HÌNH, KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH"
LEVEL_HEADINGS: dict[Level, tuple[str, str]] = {
    "province": ("A", "CẤP TỈNH"),
    "district": ("B", "CẤP HUYỆN"),
    "commune": ("C", "CẤP XÃ"),
}
LEVEL_SUBTOTALS: dict[Level, str] = {
    "province": "Cộng cấp tỉnh",
    "district": "Cộng cấp huyện",
    "commune": "Cộng cấp xã",
}
NOTES = (
    "- Cột (9) bao gồm cả hồ sơ chờ bổ sung đã được giải quyết, trả lại hoặc công dân xin rút.",
    "- Cột (12) bao gồm cả hồ sơ chờ bổ sung và hồ sơ tạm dừng khác.",
)
SUMMARY_NOTE = (
    "- Số liệu của mỗi đơn vị bao gồm cả các đơn vị trực thuộc, vì vậy dòng Tổng cộng không phải là tổng các dòng."
)


def write_workbook(figures: ReportFigures) -> bytes:
    """The workbook's bytes; the unit sheets are those of `figures.unit_forms`.

    Raises:
        OnestopError: a unit form is of a unit without figures.
    """
    province = province_title(figures.province_name)
    with opened(figures, province) as (buffer, form):
        form.write(
            PROVINCE_SHEET,
            f"UBND {province}",
            "Văn phòng Chính phủ",
            AT_THE_CENTRE,
            figures.levels,
            figures.province,
            figures.province_code,
        )
        form.write_summary(f"UBND {province}", "Văn phòng Chính phủ")
        office = f"Văn phòng UBND {province}"
        for code, levels in figures.unit_forms.items():
            unit = figures.unit(code)
            form.write(code, unit.name, office, AT_A_UNIT, levels, unit.counts, code)
    return buffer.getvalue()


@contextmanager
def opened(figures: ReportFigures, whose: str) -> Iterator[tuple[BytesIO, Form]]:
    """A workbook to write sheets into; its bytes lie in the buffer once the block is left."""
    buffer = BytesIO()
    book = open_book(buffer, figures, "Biểu II.06a/VPCP/KSTT", whose)
    yield buffer, Form(book, Formats(book), figures)
    book.close()


def open_book(buffer: BytesIO, figures: ReportFigures, title: str, whose: str) -> xlsxwriter.Workbook:
    """An empty workbook of the period in which a text is never taken for a formula, a number or an address."""
    book = xlsxwriter.Workbook(
        buffer,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    book.set_properties(
        {
            "title": f"{title}, {period_title(figures.period)}, {whose}",
            "author": f"UBND {province_title(figures.province_name)}",
            "comments": standing(figures),
            "created": figures.known_at.astimezone(UTC).replace(tzinfo=None, microsecond=0),
        }
    )
    book.set_size(2400, 1400)
    return book


class Formats:
    """The cell formats, each made once."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        base = {"font_name": FONT, "font_size": 11, "valign": "vcenter"}
        cell = {**base, "border": 1, "text_wrap": True}
        number = {**cell, "num_format": THOUSANDS, "align": "right", "indent": 1, "text_wrap": False}

        def make(*parts: dict[str, object], **more: object) -> Format:
            merged: dict[str, object] = {}
            for part in (*parts, more):
                merged.update(part)
            return book.add_format(merged)

        self.plain = make(base)
        self.bold = make(base, bold=True)
        self.wrapped = make(base, text_wrap=True, valign="top")
        self.centre = make(base, align="center")
        self.centre_bold = make(base, align="center", bold=True)
        self.centre_italic = make(base, align="center", italic=True)
        self.title = make(base, align="center", bold=True, font_size=13)
        self.right_italic = make(base, align="right", italic=True)
        self.italic = make(base, italic=True)
        self.draft = make(base, align="center", bold=True, font_color="#B42318")
        self.head = make(cell, align="center", bold=True)
        self.column = make(cell, align="center", italic=True, font_size=10)
        self.order = make(cell, align="center")
        self.order_bold = make(cell, align="center", bold=True)
        self.text_bold = make(cell, bold=True)
        self.number = make(number)
        self.number_bold = make(number, bold=True)
        self.share = make(number, num_format=SHARE)
        self.share_bold = make(number, num_format=SHARE, bold=True)
        self.share_doubted = make(number, num_format=SHARE_DOUBTED)
        self.share_doubted_bold = make(number, num_format=SHARE_DOUBTED, bold=True)
        self.doubted = make(number, num_format=DOUBTED)
        self.doubted_bold = make(number, num_format=DOUBTED, bold=True)
        self.texts = [make(cell, indent=depth) for depth in range(6)]


class Form:
    """Writes one sheet after the other; rows and columns are zero-based."""

    def __init__(self, book: xlsxwriter.Workbook, formats: Formats, figures: ReportFigures) -> None:
        self.book = book
        self.formats = self._f = formats
        self._figures = figures

    def write(
        self, name: str, unit: str, receiver: str, place: str, levels: Sequence[LevelBlock], total: Counts, code: str
    ) -> None:
        """A sheet with the form: fields by level, a subtotal per level, the total. code: the unit's."""
        sheet = self._open(name, unit, receiver, place, "Lĩnh vực, công việc giải quyết theo cấp")
        row, doubts = FIRST_TABLE_ROW + 4, form_doubts.of_rows(self._figures, code, levels)
        for block in levels:
            row = self._heading(sheet, row, block.level)
            for number, field in enumerate(block.fields, 1):
                sheet.write_number(row, 0, number, self._f.order)
                sheet.write_string(row, 1, field.name, self._f.texts[0])
                row = self._numbers(sheet, row, field.counts, self._f.number, doubts.get((block.level, field.code), {}))
            doubted = doubts.get((block.level, form_doubts.ALL), {})
            row = self._sum(sheet, row, LEVEL_SUBTOTALS[block.level], block.subtotal, doubted)
        row = self._sum(sheet, row, "Tổng cộng", total, of_unit(self._figures, code))
        is_province = code == self._figures.province_code
        more = [*former_notes(self._figures), *expected_notes(self._figures)] if is_province else []
        doubt = [form_note(self._figures, code), MARK_NOTE if any(doubts.values()) else ""]
        self._close(sheet, row, (*NOTES, *more, *filter(None, doubt)))

    def write_summary(self, unit: str, receiver: str) -> None:
        """The sheet with one row per unit, by level, in the tree's order."""
        sheet = self._open(SUMMARY_SHEET, unit, receiver, AT_A_UNIT, "Đơn vị")
        row = FIRST_TABLE_ROW + 4
        for level in LEVELS:
            units: list[UnitRow] = [u for u in self._figures.units if u.level == level]
            if not units:
                continue
            row = self._heading(sheet, row, level)
            top = min(u.depth for u in units)
            for number, one in enumerate(units, 1):
                sheet.write_number(row, 0, number, self._f.order)
                sheet.write_string(row, 1, one.name, self._f.texts[min(one.depth - top, len(self._f.texts) - 1)])
                row = self._numbers(sheet, row, one.counts, self._f.number, of_unit(self._figures, one.code))
        root = self._figures.province_code
        row = self._sum(sheet, row, "Tổng cộng", self._figures.province, of_unit(self._figures, root))
        doubt = [form_note(self._figures, root), MARK_NOTE] if self._figures.consequence else []
        self._close(sheet, row, (*NOTES, SUMMARY_NOTE, *filter(None, doubt)))

    def _open(self, name: str, unit: str, receiver: str, place: str, second: str) -> Worksheet:
        sheet = self.book.add_worksheet(name)
        period, f = self._figures.period, self._f
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        sheet.center_horizontally()
        sheet.repeat_rows(FIRST_TABLE_ROW, FIRST_TABLE_ROW + 3)
        sheet.set_footer(f'&L&"{FONT},Italic"&9{standing(self._figures)}&R&"{FONT},Regular"&9Trang &P/&N')
        sheet.hide_gridlines(2)
        sheet.freeze_panes(FIRST_TABLE_ROW + 4, 2)
        sheet.set_column(0, 0, 5)
        sheet.set_column(1, 1, 42)
        sheet.set_column(2, COLUMN_COUNT - 1, 10.5)

        # Title block: left, right, then centred over the whole width.
        merge(sheet, 0, 0, 0, 3, "Biểu số II.06a/VPCP/KSTT", f.bold)
        merge(sheet, 1, 0, 2, 3, "Ban hành theo Thông tư số 01/2020/TT-VPCP\nngày 21/10/2020", f.wrapped)
        merge(sheet, 0, 8, 0, 12, f"- Đơn vị báo cáo: {unit}", f.plain)
        merge(sheet, 1, 8, 1, 12, f"- Đơn vị nhận báo cáo: {receiver}", f.plain)
        merge(sheet, 3, 0, 3, 12, f"{TITLE} {place}", f.title)
        merge(sheet, 4, 0, 4, 12, f"Kỳ báo cáo: {period_title(period)}", f.centre_bold)
        first, last = numbers_vi.day(period.first), numbers_vi.day(period.last)
        merge(sheet, 5, 0, 5, 12, f"(Từ ngày {first} đến ngày {last})", f.centre_italic)
        merge(sheet, 6, 0, 6, 12, self._draft_line(), f.draft)
        merge(sheet, 8, 9, 8, 12, "Đơn vị tính: Số hồ sơ TTHC.", f.right_italic)
        self._table_head(sheet, second)
        return sheet

    def _draft_line(self) -> str:
        line = f"{standing(self._figures).upper()} (số liệu cập nhật đến {numbers_vi.moment(self._figures.known_at)})"
        return f"{line}; SỐ LIỆU SƠ BỘ, KỲ BÁO CÁO CHƯA KẾT THÚC" if self._figures.is_preliminary else line

    def _table_head(self, sheet: Worksheet, second: str) -> None:
        r, head = FIRST_TABLE_ROW, self._f.head
        merges = (
            (r, 0, r + 2, 0, "TT"),
            (r, 1, r + 2, 1, second),
            (r, 2, r, 5, "Tiếp nhận"),
            (r, 6, r, 9, "Số lượng hồ sơ đã giải quyết"),
            (r, 10, r, 12, "Số lượng hồ sơ đang giải quyết"),
            (r + 1, 2, r + 2, 2, "Tổng số"),
            (r + 1, 3, r + 1, 4, "Trong đó"),
            (r + 1, 5, r + 2, 5, "Từ kỳ trước"),
            (r + 1, 6, r + 2, 6, "Tổng số"),
            (r + 1, 7, r + 2, 7, "Trước hạn"),
            (r + 1, 8, r + 2, 8, "Đúng hạn"),
            (r + 1, 9, r + 2, 9, "Quá hạn"),
            (r + 1, 10, r + 2, 10, "Tổng số"),
            (r + 1, 11, r + 2, 11, "Trong hạn"),
            (r + 1, 12, r + 2, 12, "Quá hạn"),
        )
        for first_row, first_column, last_row, last_column, text in merges:
            merge(sheet, first_row, first_column, last_row, last_column, text, head)
        sheet.write_string(r + 2, 3, "Trực tuyến", head)
        sheet.write_string(r + 2, 4, "Trực tiếp, dịch vụ bưu chính", head)
        sheet.set_row(r + 2, 48)
        for column in range(COLUMN_COUNT):
            sheet.write_number(r + 3, column, column + 1, self._f.column)

    def _heading(self, sheet: Worksheet, row: int, level: Level) -> int:
        letter, name = LEVEL_HEADINGS[level]
        sheet.write_string(row, 0, letter, self._f.order_bold)
        sheet.write_string(row, 1, name, self._f.text_bold)
        for column in range(2, COLUMN_COUNT):
            sheet.write_blank(row, column, None, self._f.number)
        return row + 1

    def _sum(self, sheet: Worksheet, row: int, label: str, counts: Counts, doubted: Container[str]) -> int:
        sheet.write_blank(row, 0, None, self._f.order_bold)
        sheet.write_string(row, 1, label, self._f.text_bold)
        return self._numbers(sheet, row, counts, self._f.number_bold, doubted)

    def _numbers(self, sheet: Worksheet, row: int, counts: Counts, style: Format, doubted: Container[str]) -> int:
        """A row's numbers; those that rejected rows could move notably are marked."""
        marked = self._f.doubted_bold if style is self._f.number_bold else self._f.doubted
        for column, (name, value) in enumerate(counts.as_dict().items(), 2):
            sheet.write_number(row, column, value, marked if name in doubted else style)
        return row + 1

    def _close(self, sheet: Worksheet, row: int, notes: Iterable[str]) -> None:
        """Notes and the signature block under the table; `row` is the first free row."""
        sheet.write_string(row + 1, 0, "Ghi chú:", self._f.bold)
        row += 2
        for note in (*notes, *edition_notes(self._figures)):
            sheet.write_string(row, 0, note, self._f.italic)
            row += 1
        row += 1
        for text, style, offset in (
            ("Người lập biểu", self._f.centre_bold, 0),
            ("(Ký, ghi rõ họ tên)", self._f.centre_italic, 1),
        ):
            merge(sheet, row + offset, 0, row + offset, 4, text, style)
        for text, style, offset in (
            ("Thủ trưởng đơn vị", self._f.centre_bold, 0),
            ("(Ký tên, đóng dấu)", self._f.centre_italic, 1),
        ):
            merge(sheet, row + offset, 7, row + offset, 12, text, style)
        sheet.print_area(0, 0, row + 6, COLUMN_COUNT - 1)


def merge(sheet: Worksheet, row: int, column: int, last_row: int, last_column: int, text: str, style: Format) -> None:
    """A merged cell with a text in it, which stays a text even when it begins with "="."""
    sheet.merge_range(row, column, last_row, last_column, "", style)
    sheet.write_string(row, column, text, style)
