"""The workbook, read back cell by cell."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from onestop.periods import parse
from onestop.reporting.model import ReportFigures
from onestop.reporting.workbook import THOUSANDS, write_workbook

HEAD = 10  # the table's first row, 1-based


@pytest.fixture
def book(figures: ReportFigures) -> Workbook:
    return load_workbook(BytesIO(write_workbook(figures)))


def row_of(sheet: Worksheet, text: str) -> list[object]:
    [row] = [r for r in sheet.iter_rows(min_row=HEAD, max_col=13) if r[1].value == text]
    return [cell.value for cell in row]


def text_of(sheet: Worksheet) -> str:
    return "\n".join(str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value is not None)


def test_sheets(book: Workbook) -> None:
    assert book.sheetnames == ["II.06a", "Tổng hợp", "H15.31"]


def test_title_block(book: Workbook) -> None:
    sheet = book["II.06a"]
    assert sheet["A1"].value == "Biểu số II.06a/VPCP/KSTT"
    assert sheet["A2"].value == "Ban hành theo Thông tư số 01/2020/TT-VPCP\nngày 21/10/2020"
    assert sheet["I1"].value == "- Đơn vị báo cáo: UBND tỉnh Đắk Lắk"
    assert sheet["I2"].value == "- Đơn vị nhận báo cáo: Văn phòng Chính phủ"
    assert sheet["A4"].value == (
        "TÌNH HÌNH, KẾT QUẢ GIẢI QUYẾT THỦ TỤC HÀNH CHÍNH TẠI TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG"
    )
    assert sheet["A5"].value == "Kỳ báo cáo: Quý III/2024"
    assert sheet["A6"].value == "(Từ ngày 15/06/2024 đến ngày 14/09/2024)"
    assert sheet["A7"].value == "BẢN DỰ THẢO (số liệu cập nhật đến 08:00 25/09/2024)"
    assert sheet["J9"].value == "Đơn vị tính: Số hồ sơ TTHC."
    assert sheet["J9"].font.italic


def test_a_units_sheet_reports_to_the_provinces_office(book: Workbook) -> None:
    sheet = book["H15.31"]
    assert sheet["I1"].value == "- Đơn vị báo cáo: UBND thành phố Buôn Ma Thuột"
    assert sheet["I2"].value == "- Đơn vị nhận báo cáo: Văn phòng UBND tỉnh Đắk Lắk"
    assert str(sheet["A4"].value).endswith("TẠI CƠ QUAN, ĐƠN VỊ TRỰC TIẾP GIẢI QUYẾT TTHC")


def test_head_of_the_table(book: Workbook) -> None:
    sheet = book["II.06a"]
    merged = {str(area) for area in sheet.merged_cells.ranges}
    assert {
        "A10:A12", "B10:B12", "C10:F10", "G10:J10", "K10:M10", "C11:C12", "D11:E11", "F11:F12",
        "G11:G12", "H11:H12", "I11:I12", "J11:J12", "K11:K12", "L11:L12", "M11:M12",
    } <= merged  # fmt: skip
    heads = {c: sheet[f"{c}11"].value or sheet[f"{c}10"].value for c in "ABCDFGHIJKLM"}
    assert list(heads.values()) == [
        "TT", "Lĩnh vực, công việc giải quyết theo cấp", "Tổng số", "Trong đó", "Từ kỳ trước",
        "Tổng số", "Trước hạn", "Đúng hạn", "Quá hạn", "Tổng số", "Trong hạn", "Quá hạn",
    ]  # fmt: skip
    assert (sheet["D12"].value, sheet["E12"].value) == ("Trực tuyến", "Trực tiếp, dịch vụ bưu chính")
    assert [sheet.cell(13, column).value for column in range(1, 14)] == list(range(1, 14))


def test_rows_by_level_with_subtotals_that_sum_to_the_total(book: Workbook, figures: ReportFigures) -> None:
    sheet = book["II.06a"]
    letters = [sheet.cell(r, 1).value for r in range(14, sheet.max_row) if sheet.cell(r, 1).value in ("A", "B", "C")]
    assert letters == ["A", "B", "C"]
    parts = [row_of(sheet, f"Cộng cấp {level}")[2:] for level in ("tỉnh", "huyện", "xã")]
    whole = row_of(sheet, "Tổng cộng")[2:]
    assert whole == list(figures.province.values())
    assert [sum(column) for column in zip(*parts, strict=True)] == whole  # type: ignore[arg-type]
    assert row_of(sheet, "Đất đai")[2:] == list(figures.levels[1].fields[0].counts.values())


def test_summary_has_one_row_per_unit_in_the_trees_order(book: Workbook, figures: ReportFigures) -> None:
    sheet = book["Tổng hợp"]
    rows = [[c.value for c in r] for r in sheet.iter_rows(min_row=14, max_col=13) if r[2].value is not None]
    codes = ["H15.01", "H15.02", "H15.20", "H15.31", "H15.32", "H15.31.02", "H15.31.10", "H15.32.01"]
    expected = [[figures.unit(code).name, *figures.unit(code).counts.values()] for code in codes]
    assert [row[1:] for row in rows] == [*expected, ["Tổng cộng", *figures.province.values()]]
    assert [row[0] for row in rows] == [1, 2, 3, 1, 2, 1, 2, 3, None]


def test_numbers_are_numbers_with_a_dot_in_every_locale(book: Workbook) -> None:
    sheet = book["II.06a"]
    numbers = [c for r in sheet.iter_rows(min_row=14, min_col=3, max_col=13) for c in r if c.value is not None]
    numbers = [c for c in numbers if c.row < next(r[0].row for r in sheet.iter_rows() if r[0].value == "Ghi chú:")]
    assert numbers
    assert {type(c.value) for c in numbers} == {int}
    assert {c.number_format for c in numbers} == {THOUSANDS}
    assert max(c.value for c in numbers) > 1_000_000


def test_no_text_becomes_a_formula(book: Workbook, figures: ReportFigures) -> None:
    for sheet in book:
        assert not [c.coordinate for row in sheet.iter_rows() for c in row if c.data_type == "f" or c.hyperlink]
    assert figures.unit("H15.02").name.startswith("=")
    assert figures.unit("H15.02").name in text_of(book["Tổng hợp"])


def test_a_units_name_in_a_merged_cell_is_no_formula_either(figures: ReportFigures) -> None:
    levels = figures.unit_forms["H15.31"]
    units = tuple(replace(u, name="{=1+1}") if u.code == "H15.31" else u for u in figures.units)
    book = load_workbook(BytesIO(write_workbook(replace(figures, units=units, unit_forms={"H15.31": levels}))))
    assert book["H15.31"]["I1"].value == "- Đơn vị báo cáo: {=1+1}"


def test_notes_and_signatures(book: Workbook) -> None:
    text = text_of(book["II.06a"])
    for part in ("Cột (9)", "Cột (12)", "Người lập biểu", "Thủ trưởng đơn vị"):
        assert part in text


def test_print_set_up(book: Workbook) -> None:
    for sheet in book:
        assert sheet.page_setup.orientation == "landscape"
        assert int(sheet.page_setup.paperSize) == 9
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.page_setup.fitToHeight == 0
        assert sheet.print_title_rows == "$10:$13"
        assert "&P/&N" in sheet.oddFooter.right.text
        assert {c.font.name for r in sheet.iter_rows(max_row=20) for c in r if c.value is not None} == {
            "Times New Roman"
        }


def test_a_preliminary_period_says_so(figures: ReportFigures) -> None:
    book = load_workbook(BytesIO(write_workbook(replace(figures, is_preliminary=True))))
    assert "SỐ LIỆU SƠ BỘ" in book["II.06a"]["A7"].value


def test_other_kinds_of_period_have_their_words(figures: ReportFigures) -> None:
    book = load_workbook(BytesIO(write_workbook(replace(figures, period=parse("2024-H1")))))
    assert book["II.06a"]["A5"].value == "Kỳ báo cáo: 6 tháng đầu năm 2024"
    assert book["II.06a"]["A6"].value == "(Từ ngày 15/12/2023 đến ngày 14/06/2024)"


def test_same_figures_same_bytes(figures: ReportFigures) -> None:
    assert write_workbook(figures) == write_workbook(figures)
