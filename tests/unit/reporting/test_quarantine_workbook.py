"""A unit's workbook of rejected rows, read back as Excel reads it."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from io import BytesIO
from zoneinfo import ZoneInfo

from python_calamine import CalamineWorkbook

from onestop.reporting.quarantine_workbook import (
    COVER_SHEET,
    ROWS_SHEET,
    Fault,
    RejectedRow,
    field_label,
    write_quarantine_workbook,
)

EVIL = '=HYPERLINK("http://x","y")'
AS_OF = datetime(2024, 9, 25, 8, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))


def row(number: int, **changes: object) -> RejectedRow:
    faults = (
        Fault("OS-004", "Kênh sai", "Ghi kênh 1, 2 hoặc 3", "agency", {"KenhThucHien": EVIL}),
        Fault("OS-011", "Đơn vị sai", "Ghi đúng đơn vị", "source_operator", {"DonViXuLy": "H15.99"}),
    )
    values = {
        "number": number, "source": "igate", "entity": "dossier", "delivered_in": "Lần nhận số 7, ngày 18/09/2024",
        "sheet": "", "place": 12, "code": "H15.07-240823-0001", "faults": faults, "first_seen": date(2024, 9, 18),
        "days": 7, **changes,
    }  # fmt: skip
    return RejectedRow(**values)  # type: ignore[arg-type]


def made(*rows: RejectedRow) -> bytes:
    return write_quarantine_workbook("Sở Tư pháp (H15.07)", rows, province="tỉnh Đắk Lắk", as_of=AS_OF)


def test_the_cover_explains_and_counts_and_the_rows_say_what_to_correct() -> None:
    content = made(row(41), row(42, code="@SUM(1)", delivered_in="DVCQG_HoSo.xlsx", sheet="Dữ liệu"))
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    assert book.sheet_names == [COVER_SHEET, ROWS_SHEET]
    cover = [str(cell) for line in book.get_sheet_by_name(COVER_SHEET).to_python() for cell in line if cell != ""]
    assert "Đơn vị: Sở Tư pháp (H15.07)" in cover
    assert "Số bản ghi chờ sửa: 2; lâu nhất: 7 ngày." in cover
    assert cover[-5:] == ["OS-011", "Đơn vị sai", "Ghi đúng đơn vị", "Đơn vị vận hành hệ thống nguồn", "2.0"]
    head, first, second = book.get_sheet_by_name(ROWS_SHEET).to_python()
    shown = dict(zip(head, first, strict=True))
    assert shown["Số"] == 41 and shown["Số ngày chờ"] == 7 and shown["Phát hiện ngày"] == date(2024, 9, 18)
    assert shown["Loại"] == "Hồ sơ" and shown["Dòng hoặc bản ghi số"] == 12
    assert shown["Việc cần sửa"] == "Ghi kênh 1, 2 hoặc 3\nGhi đúng đơn vị"
    assert shown["Nội dung sai"] == f"Kênh thực hiện: {EVIL}\nĐơn vị xử lý: H15.99"
    assert dict(zip(head, second, strict=True))["Trang tính"] == "Dữ liệu"


def test_no_text_can_become_a_formula_and_the_same_rows_give_the_same_bytes() -> None:
    hostile = row(
        1, code=EVIL, source="+1", delivered_in="-2", sheet="@x", faults=(Fault(EVIL, EVIL, EVIL, EVIL, {EVIL: EVIL}),)
    )
    content = made(hostile)
    parts = zipfile.ZipFile(BytesIO(content))
    sheets = "".join(parts.read(name).decode() for name in parts.namelist() if "worksheets/sheet" in name)
    assert "<f>" not in sheets and "<hyperlink" not in sheets and 't="s"' in sheets
    styles = parts.read("xl/styles.xml").decode()
    assert 'quotePrefix="1"' in styles and 'numFmtId="49"' in styles
    assert made(hostile) == content


def test_fields_are_named_in_vietnamese() -> None:
    assert field_label("DanhSachHoSoBoSung[2].NgayBoSung") == "Danh sách bổ sung[2].Ngày yêu cầu bổ sung"
    assert (field_label("MaTTHC"), field_label("LaLung")) == ("Mã TTHC", "LaLung")
