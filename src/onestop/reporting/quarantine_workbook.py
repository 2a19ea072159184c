"""One unit's rejected rows as an Excel workbook in Vietnamese: what is wrong where, and what to correct.

Sheets: a cover that explains ("Hướng dẫn"), and the rows ("Bản ghi cần sửa"). Every text is a string cell with the
text format and a quote prefix: whatever a source delivered, no cell can become a formula, not even when it is edited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from onestop.reporting import numbers_vi
from onestop.reporting.workbook import FONT

COVER_SHEET, ROWS_SHEET = "Hướng dẫn", "Bản ghi cần sửa"
TITLE = "DANH SÁCH BẢN GHI CHƯA ĐƯỢC TÍNH VÀO SỐ LIỆU VÀ VIỆC CẦN SỬA"
ENTITIES = {
    "dossier": "Hồ sơ",
    "payment": "Thanh toán",
    "rating": "Đánh giá",
    "feedback_case": "Phản ánh, kiến nghị",
}
OWNERS = {
    "agency": "Đơn vị xử lý hồ sơ",
    "source_operator": "Đơn vị vận hành hệ thống nguồn",
    "province": "Bộ phận tổng hợp của tỉnh",
}
FIELDS = {
    "STT": "Số thứ tự",
    "MaHoSo": "Mã hồ sơ",
    "MaTTHC": "Mã TTHC",
    "KenhThucHien": "Kênh thực hiện",
    "DonViXuLy": "Đơn vị xử lý",
    "NgayNopHoSo": "Ngày nộp",
    "NgayTiepNhan": "Ngày tiếp nhận",
    "NgayHenTraBanDau": "Ngày hẹn trả ban đầu",
    "NgayHenTra": "Ngày hẹn trả",
    "NgayKetThucXuLy": "Ngày kết thúc xử lý",
    "NgayTra": "Ngày trả kết quả",
    "NgayTuChoi": "Ngày từ chối",
    "NgayDanhGia": "Ngày đánh giá",
    "NgayCapNhat": "Ngày cập nhật",
    "NgayDongBo": "Ngày đồng bộ",
    "TrangThaiHoSo": "Trạng thái",
    "MucDoHaiLong": "Mức độ hài lòng",
    "DanhSachHoSoBoSung": "Danh sách bổ sung",
    "DanhSachXinLoi": "Danh sách xin lỗi",
    "NgayBoSung": "Ngày yêu cầu bổ sung",
    "NgayTiepNhanBoSung": "Ngày nhận bổ sung",
    "NgayHenTraTruoc": "Ngày hẹn trả trước",
    "NgayHenTraMoi": "Ngày hẹn trả mới",
    "NgayXinLoi": "Ngày xin lỗi",
    "Gia": "Số tiền",
    "DanhSachLePhi": "Danh sách phí, lệ phí",
    "MaGiaoDich": "Mã giao dịch",
    "SoTien": "Số tiền",
    "HinhThuc": "Hình thức",
    "TrangThai": "Trạng thái",
    "NgayThanhToan": "Ngày thanh toán",
    "MaPhieu": "Mã phiếu",
    "Diem": "Điểm",
    "MaPAKN": "Mã phản ánh, kiến nghị",
    "NgayTraLoi": "Ngày trả lời",
    "NgayChuyen": "Ngày chuyển",
    "HanXuLy": "Hạn xử lý",
    "NgayCongKhai": "Ngày công khai",
    "LoaiNoiDung": "Loại nội dung",
}
EXPLANATION = (
    "Các bản ghi trong tệp này vi phạm quy tắc dữ liệu nên bị giữ lại và CHƯA được tính vào số liệu báo cáo của đơn vị.",
    "Xin sửa ngay tại hệ thống nguồn (hệ thống một cửa, Cổng Dịch vụ công, hệ thống phản ánh, kiến nghị). Không sửa"
    " trong tệp này: tệp chỉ để xem, không được nạp lại.",
    "Bản ghi đã sửa tự về theo lần đồng bộ kế tiếp (tệp của Cổng: ở tệp xuất kế tiếp), được kiểm tra lại và tính vào"
    " số liệu; dòng tương ứng khi đó tự hết khỏi danh sách.",
    "Nếu bản ghi đúng mà quy tắc hoặc danh mục (đơn vị, thủ tục) chưa đúng, xin báo bộ phận quản trị dữ liệu, kèm cột"
    " “Số”: sau khi danh mục được sửa, bản ghi được kiểm tra lại, không phải gửi lại.",
    "Cột “Nội dung sai” ghi đúng như hệ thống nguồn gửi. Ô không giống loại dữ liệu của nó chỉ hiện hình dạng (chữ là"
    " x, số là 9), vì có thể chứa thông tin cá nhân. Tệp này không có tên, số định danh, điện thoại, địa chỉ của công dân.",
)
_COLUMNS: tuple[tuple[str, int], ...] = (
    ("TT", 5),
    ("Số", 7),
    ("Nguồn", 9),
    ("Loại", 9),
    ("Tệp hoặc lần nhận", 24),
    ("Trang tính", 10),
    ("Dòng hoặc bản ghi số", 10),
    ("Mã", 21),
    ("Quy tắc", 8),
    ("Lỗi", 28),
    ("Việc cần sửa", 28),
    ("Ai sửa", 15),
    ("Nội dung sai", 26),
    ("Phát hiện ngày", 11),
    ("Số ngày chờ", 7),
)
_COVER_WIDTHS = (12, 52, 52, 26, 10)
_LINE = 15  # points


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule of a row, in Vietnamese; cells: field -> what was delivered there, fit to be read."""

    rule_id: str
    message: str
    correct: str
    owner: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row to correct. delivered_in: a file's name, or the delivery in words."""

    number: int
    source: str
    entity: str
    delivered_in: str
    sheet: str
    place: int
    code: str
    faults: tuple[Fault, ...]
    first_seen: date
    days: int


def field_label(name: str) -> str:
    """A field's name in Vietnamese; a part of a list keeps its place: "Danh sách bổ sung[2].Ngày hẹn trả mới"."""
    head, _, part = name.partition(".")
    base, bracket, place = head.partition("[")
    said = FIELDS.get(base, base) + bracket + place
    return f"{said}.{FIELDS.get(part, part)}" if part else said


def write_quarantine_workbook(unit: str, rows: Sequence[RejectedRow], *, province: str, as_of: datetime) -> bytes:
    """The workbook's bytes; the same rows at the same moment give the same bytes.

    Args:
        unit: the unit's name and code, or words for rows whose unit nobody knows.
        province: the province's title.
        as_of: the moment that days are counted to; aware, in the province's zone.
    """
    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(buffer, options)
    created = as_of.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    book.set_properties({"title": TITLE.capitalize(), "author": f"UBND {province}", "created": created})
    styles = _Styles(book)
    _cover(book.add_worksheet(COVER_SHEET), styles, unit, rows, province, as_of)
    _rows(book.add_worksheet(ROWS_SHEET), styles, unit, rows)
    book.close()
    return buffer.getvalue()


class _Styles:
    """The cell formats. Texts have the text format (number 49 of Excel, "@") and a quote prefix."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        base = {"font_name": FONT, "font_size": 11, "valign": "top", "text_wrap": True}
        text = {**base, "num_format": 49, "quote_prefix": True}
        cell = {**text, "border": 1, "border_color": "#B8B8B8"}

        def make(parts: Mapping[str, object], **more: object) -> Format:
            return book.add_format({**parts, **more})

        self.title = make(text, bold=True, font_size=14, text_wrap=False, font_color="#7A1F1F")
        self.line = make(text, text_wrap=False)
        self.strong = make(text, text_wrap=False, bold=True)
        self.paragraph = make(text)
        self.head = make(cell, bold=True, align="center", valign="vcenter", bg_color="#F3E9DC")
        self.cell = make(cell)
        self.code = make(cell, bold=True)
        self.count = make({**base, "border": 1, "border_color": "#B8B8B8", "num_format": "0", "align": "right"})
        self.day = make({**base, "border": 1, "border_color": "#B8B8B8", "num_format": "dd/mm/yyyy", "align": "center"})


def _cover(
    sheet: Worksheet, f: _Styles, unit: str, rows: Sequence[RejectedRow], province: str, as_of: datetime
) -> None:
    sheet.hide_gridlines(2)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_landscape()
    for column, width in enumerate(_COVER_WIDTHS):
        sheet.set_column(column, column, width)
    sheet.write_string(0, 0, TITLE, f.title)
    oldest = max((row.days for row in rows), default=0)
    facts = (
        f"Đơn vị: {unit}",
        f"{province[:1].upper()}{province[1:]}, lập lúc {numbers_vi.moment(as_of)}.",
        f"Số bản ghi chờ sửa: {numbers_vi.integer(len(rows))}; lâu nhất: {numbers_vi.integer(oldest)} ngày.",
    )
    for line, text in enumerate(facts, 2):
        sheet.write_string(line, 0, text, f.strong if line == 2 else f.line)
    line = 6
    for number, text in enumerate(EXPLANATION, 1):
        sheet.merge_range(line, 0, line, 4, "", f.paragraph)
        sheet.write_string(line, 0, f"{number}. {text}", f.paragraph)
        sheet.set_row(line, _height([(text, sum(_COVER_WIDTHS))]) + 6)
        line += 1
    line += 1
    for column, head in enumerate(("Quy tắc", "Lỗi", "Việc cần sửa", "Ai sửa", "Số bản ghi")):
        sheet.write_string(line, column, head, f.head)
    found = {fault.rule_id: fault for row in rows for fault in row.faults}
    counts = Counter(fault.rule_id for row in rows for fault in row.faults)
    for rule_id, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        line += 1
        fault = found[rule_id]
        texts = (rule_id, fault.message, fault.correct, OWNERS.get(fault.owner, fault.owner))
        for column, text in enumerate(texts):
            sheet.write_string(line, column, text, f.cell)
        sheet.set_row(line, _height(zip(texts, _COVER_WIDTHS, strict=False)))
        sheet.write_number(line, 4, count, f.count)


def _rows(sheet: Worksheet, f: _Styles, unit: str, rows: Sequence[RejectedRow]) -> None:
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer(f'&L&"{FONT},Italic"&9{unit.replace("&", "&&")}&R&9Trang &P/&N')
    sheet.set_row(0, 3 * _LINE)
    for column, (head, width) in enumerate(_COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, head, f.head)
    for line, row in enumerate(rows, 1):
        texts = {
            2: row.source,
            3: ENTITIES.get(row.entity, row.entity),
            4: row.delivered_in,
            5: row.sheet,
            7: row.code,
            8: _lines(fault.rule_id for fault in row.faults),
            9: _lines(fault.message for fault in row.faults),
            10: _lines(fault.correct for fault in row.faults),
            11: _lines(dict.fromkeys(OWNERS.get(fault.owner, fault.owner) for fault in row.faults)),
            12: _lines(_cells(row.faults)),
        }
        for column, text in texts.items():
            sheet.write_string(line, column, text, f.code if column == 7 else f.cell)
        sheet.set_row(line, _height((text, _COLUMNS[column][1]) for column, text in texts.items()))
        for column, number in ((0, line), (1, row.number), (6, row.place), (14, row.days)):
            sheet.write_number(line, column, number, f.count)
        sheet.write_datetime(line, 13, datetime(row.first_seen.year, row.first_seen.month, row.first_seen.day), f.day)  # noqa: DTZ001
    sheet.autofilter(0, 0, max(len(rows), 1), len(_COLUMNS) - 1)


def _cells(faults: Sequence[Fault]) -> list[str]:
    shown = {name: value for fault in faults for name, value in fault.cells.items()}
    return [f"{field_label(name)}: {value}" for name, value in shown.items()]


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def _height(texts: Iterable[tuple[str, int]]) -> int:
    """A row's height in points: not every program fits rows to wrapped texts by itself. texts: with their widths."""

    def lines(text: str, width: int) -> int:
        return sum(1 + int(len(part) * 1.1) // width for part in text.split("\n"))

    return _LINE * max(lines(text, width) for text, width in texts) + 1
