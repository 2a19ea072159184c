"""One unit's differences with the national portal as an Excel workbook in Vietnamese: likely cause, and what to do.

Sheets: the differences, the dossiers whose lateness somebody judges otherwise (with the evidence to contest it), and
the questions. Codes, dates and numbers only: nothing personal. The same rows give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from onestop.periods import Period
from onestop.reporting.reconciliation import MOST_ROWS
from onestop.reporting.wording import period_title

FONT = "Times New Roman"
STATUSES = {
    1: "Mới đăng ký",
    2: "Được tiếp nhận",
    3: "Không được tiếp nhận",
    4: "Đang xử lý",
    5: "Yêu cầu bổ sung giấy tờ",
    6: "Yêu cầu thực hiện nghĩa vụ tài chính",
    7: "Công dân yêu cầu rút hồ sơ",
    8: "Dừng xử lý",
    9: "Đã xử lý xong",
    10: "Đã trả kết quả",
}
RESULTS = {
    "only_here": "Chỉ có ở hệ thống một cửa",
    "only_there": "Chỉ có trên Cổng",
    "status_conflict": "Lệch trạng thái",
    "date_conflict": "Lệch ngày",
    "unit_conflict": "Lệch đơn vị",
}
CLAIMANTS = {
    "system": "Ngày hẹn trả trên hệ thống một cửa",
    "portal": "Cổng Dịch vụ công quốc gia",
    "catalogue": "Thời hạn giải quyết của thủ tục",
}
CLAIMS = {"late": "Quá hạn", "on_time": "Không quá hạn"}
_NO_ACCUSATION = (
    "Đây là câu hỏi kèm số liệu để đơn vị giải thích, không phải kết luận vi phạm."
    " Mỗi hiện tượng đều có thể có lý do chính đáng."
)

Row = Mapping[str, Any]
Column = tuple[str, float, Callable[[Row], object]]


def _field(name: str, words: Mapping[Any, str] | None = None) -> Callable[[Row], object]:
    return (lambda row: words.get(row[name], row[name])) if words else (lambda row: row[name])


DIFFERENCES: Sequence[Column] = (
    ("Mã hồ sơ", 24, _field("dossier_code")),
    ("Mã trên Cổng", 26, _field("there_code")),
    ("Kết quả đối chiếu", 20, _field("result", RESULTS)),
    ("Nguyên nhân có thể", 40, _field("cause_name_vi")),
    ("Việc cần làm", 44, _field("advice_vi")),
    ("Hồ sơ tương ứng (nếu có)", 26, _field("counterpart_code")),
    ("Lệch từ ngày", 12, _field("differs_since")),
    ("Số ngày lệch", 9, _field("age_days")),
    ("Chậm (giờ)", 9, _field("delayed_by_hours")),
    ("Trạng thái: tỉnh", 22, _field("here_status", STATUSES)),
    ("Trạng thái: Cổng", 22, _field("there_status", STATUSES)),
    ("Tiếp nhận: tỉnh", 12, _field("here_received_on")),
    ("Tiếp nhận: Cổng", 12, _field("there_received_on")),
    ("Hẹn trả: tỉnh", 12, _field("here_appointment_on")),
    ("Hẹn trả: Cổng", 12, _field("there_appointment_on")),
    ("Kết thúc: tỉnh", 12, _field("here_finished_on")),
    ("Kết thúc: Cổng", 12, _field("there_finished_on")),
    ("Đơn vị: tỉnh", 14, _field("here_agency_code")),
    ("Đơn vị: Cổng", 14, _field("there_agency_code")),
    ("Ngày đồng bộ", 17, _field("there_synchronised_at")),
)
LATENESS: Sequence[Column] = (
    ("Mã hồ sơ", 24, _field("dossier_code")),
    ("Theo quy tắc tính", 16, lambda row: CLAIMS["on_time" if row["claim"] == "late" else "late"]),
    ("Nguồn đối chiếu", 34, _field("claimant", CLAIMANTS)),
    ("Theo nguồn đối chiếu", 18, _field("claim", CLAIMS)),
    ("Có thể đề nghị xem lại", 14, lambda row: "Có" if row["is_contestable"] else ""),
    ("Ngày tiếp nhận", 12, _field("received_on")),
    ("Ngày kết thúc", 12, _field("finished_on")),
    ("Hạn theo quy tắc", 12, _field("due_on")),
    ("Số ngày quá hạn theo quy tắc", 14, _field("days_late")),
    ("Hạn theo nguồn đối chiếu", 14, _field("claimed_due_on")),
    ("Số ngày quá hạn theo nguồn đối chiếu", 16, _field("claimed_days_late")),
    ("Ngày hẹn trả đầu tiên", 12, _field("first_appointment_on")),
    ("Thời hạn của thủ tục (ngày)", 12, _field("processing_days")),
    ("Loại ngày", 14, _field("day_kind", {"working": "Ngày làm việc", "calendar": "Ngày lịch"})),
    ("Ngày làm việc tạm dừng", 12, _field("suspended_working_days")),
)
QUESTIONS: Sequence[Column] = (
    ("Nội dung", 34, _field("name_vi")),
    ("Ngày", 12, _field("day")),
    ("Mã hồ sơ (nếu có)", 24, _field("dossier_code")),
    ("Câu hỏi", 60, _field("question_vi")),
    ("Mức nổi bật", 10, _field("score")),
    ("Số liệu", 80, lambda row: json.dumps(row["evidence"], ensure_ascii=False, sort_keys=True)),
)


def write_workbook(
    *,
    unit: str,
    period: Period,
    known_at: datetime,
    differences: Sequence[Row],
    lateness: Sequence[Row],
    questions: Sequence[Row],
) -> bytes:
    """The workbook's bytes."""
    buffer = BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    book.set_properties(
        {"title": f"Đối chiếu với Cổng Dịch vụ công quốc gia, {unit}",
         "created": known_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)}
    )  # fmt: skip
    title = f"{unit} - {period_title(period)} - Số liệu đến {known_at:%d/%m/%Y %H:%M}"
    _sheet(book, "Chênh lệch", f"ĐỐI CHIẾU VỚI CỔNG DỊCH VỤ CÔNG QUỐC GIA: {title}", "", DIFFERENCES, differences)
    _sheet(
        *(book, "Hạn giải quyết", f"HỒ SƠ CÓ KẾT LUẬN KHÁC NHAU VỀ QUÁ HẠN: {title}"),
        "Quy tắc tính: hạn là ngày muộn nhất trong ngày hẹn trả đầu tiên và các ngày hẹn trả mới sau khi bổ sung.",
        *(LATENESS, lateness),
    )
    _sheet(book, "Câu hỏi", f"CÂU HỎI ĐỀ NGHỊ ĐƠN VỊ GIẢI THÍCH: {title}", _NO_ACCUSATION, QUESTIONS, questions)
    book.close()
    return buffer.getvalue()


def _sheet(
    book: xlsxwriter.Workbook, name: str, title: str, note: str, columns: Sequence[Column], rows: Sequence[Row]
) -> None:
    base = {"font_name": FONT, "font_size": 11, "valign": "top"}
    cell = {**base, "border": 1, "text_wrap": True}
    heading = book.add_format({**cell, "bold": True, "align": "center"})
    text = book.add_format({**cell, "num_format": "@"})
    number = book.add_format({**cell, "num_format": "0.##"})
    day = book.add_format({**cell, "num_format": "dd/mm/yyyy"})
    moment = book.add_format({**cell, "num_format": "dd/mm/yyyy hh:mm"})
    sheet = book.add_worksheet(name)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.write_string(0, 0, title, book.add_format({**base, "bold": True, "font_size": 13}))
    sheet.write_string(1, 0, note, book.add_format({**base, "italic": True}))
    sheet.set_column(0, 0, 6)
    sheet.write_string(2, 0, "STT", heading)
    for place, (label, width, _) in enumerate(columns, 1):
        sheet.set_column(place, place, width)
        sheet.write_string(2, place, label, heading)
    sheet.freeze_panes(3, 2)
    if len(rows) > MOST_ROWS:
        rows = rows[:MOST_ROWS]
        left_off = f"Chỉ liệt kê {MOST_ROWS} dòng đầu; danh sách đầy đủ có trong kho dữ liệu."
        sheet.write_string(1, 0, f"{note} {left_off}".strip(), book.add_format({**base, "italic": True}))
    if rows:
        sheet.autofilter(2, 0, 2 + len(rows), len(columns))
    else:
        sheet.write_string(3, 0, "Không có.", book.add_format(base))
    for line, row in enumerate(rows, 3):
        sheet.write_number(line, 0, line - 2, number)
        for place, (_, _, value_of) in enumerate(columns, 1):
            value = value_of(row)
            if value is None:
                sheet.write_blank(line, place, None, text)
            elif isinstance(value, datetime):
                sheet.write_datetime(line, place, value, moment)
            elif isinstance(value, date):
                sheet.write_datetime(line, place, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001
            elif isinstance(value, str):
                sheet.write_string(line, place, value, text)
            else:
                sheet.write_number(line, place, float(str(value)), number)
