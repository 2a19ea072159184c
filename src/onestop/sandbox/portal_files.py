"""Writes the national portal's exports as officers deliver them: with covers, titles, totals, signatures and all the dirt.

Rows are given by heading; dates as datetimes (or what a careless clerk typed). What the files say is the caller's business.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

HEADINGS = {
    "HoSo": (
        "STT", "Mã hồ sơ", "Mã hồ sơ khác", "Mã TTHC", "Tên TTHC", "Mã cơ quan xử lý", "Kênh nộp", "Ngày nộp",
        "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày kết thúc xử lý", "Ngày trả kết quả", "Trạng thái", "Mức độ DVC",
        "Ngày đồng bộ",
    ),
    "ThanhToan": ("Mã giao dịch", "Mã hồ sơ", "Số tiền", "Hình thức", "Trạng thái", "Ngày thanh toán"),
    "DanhGia": ("Mã phiếu", "Mã hồ sơ", "Điểm", "Ngày đánh giá", "Nội dung"),
}  # fmt: skip
STATUS = (
    "Mới đăng ký", "Được tiếp nhận", "Không được tiếp nhận", "Đang xử lý", "Yêu cầu bổ sung giấy tờ",
    "Yêu cầu thực hiện nghĩa vụ tài chính", "Công dân yêu cầu rút hồ sơ", "Dừng xử lý", "Đã xử lý xong", "Đã trả kết quả",
)  # fmt: skip
CHANNEL = ("Trực tiếp", "Trực tuyến", "Bưu chính công ích")
LEVEL = {"2": "Cung cấp thông tin", "3": "Một phần", "4": "Toàn trình"}
_GROUP = "Ngày"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Dirt:
    """How a file is untidy. Every count is of rows; `text_dates_every` n: each n-th row's dates are typed as text."""

    title_rows: int = 4
    two_row_header: bool = False
    starred: bool = False
    decomposed: bool = False
    reversed_columns: bool = False
    extra_columns: Mapping[str, Any] | None = None
    text_dates_every: int = 0
    totals: bool = True
    signatures: bool = True
    cover: bool = False
    hidden_copy: bool = False
    epoch_1904: bool = False
    header_repeated_every: int = 0


TIDY = Dirt(title_rows=0, totals=False, signatures=False)


def file_name(entity: str, province: str, first: date, last: date, version: int = 1, suffix: str = "xlsx") -> str:
    """DVCQG_<entity>_<province>_<from>_<to>[_v<n>].<suffix>."""
    tail = f"_v{version}" if version > 1 else ""
    return f"DVCQG_{entity}_{province}_{first:%Y%m%d}_{last:%Y%m%d}{tail}.{suffix}"


def dossier_row(record: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A dossier of a one-stop system as the portal shows it. number: its STT."""
    return {
        "STT": number,
        "Mã hồ sơ": record["MaHoSo"],
        "Mã hồ sơ khác": record.get("MaHoSoKhac"),
        "Mã TTHC": record["MaTTHC"],
        "Tên TTHC": record.get("TenTTHC"),
        "Mã cơ quan xử lý": record["DonViXuLy"],
        "Kênh nộp": CHANNEL[int(record["KenhThucHien"]) - 1],
        "Ngày nộp": _moment(record.get("NgayNopHoSo")),
        "Ngày tiếp nhận": _moment(record.get("NgayTiepNhan")),
        "Ngày hẹn trả": _moment(record.get("NgayHenTra")),
        "Ngày kết thúc xử lý": _moment(record.get("NgayKetThucXuLy")),
        "Ngày trả kết quả": _moment(record.get("NgayTra")),
        "Trạng thái": STATUS[int(record["TrangThaiHoSo"]) - 1],
        "Mức độ DVC": LEVEL.get(str(record.get("MucDo"))),
        "Ngày đồng bộ": _moment(record.get("NgayCapNhat")),
    }


def _moment(stamp: str | None) -> datetime | None:
    return datetime.strptime(stamp, "%Y%m%d%H%M%S") if stamp else None  # noqa: DTZ007  (local time, as cells are)


def write_xlsx(path: Path, entity: str, rows: Sequence[Row], dirt: Dirt = TIDY) -> Path:
    """An export as a workbook. Cells: datetimes become Excel dates, numbers numbers, the rest text."""
    book = xlsxwriter.Workbook(str(path), {"date_1904": dirt.epoch_1904, "strings_to_formulas": False})
    if dirt.cover:
        book.add_worksheet("Bìa").write(2, 1, "CỔNG DỊCH VỤ CÔNG QUỐC GIA")
    if dirt.hidden_copy:
        hidden = book.add_worksheet("Nháp")
        hidden.hide()
        hidden.write_row(0, 0, HEADINGS[entity])
        hidden.write_row(1, 0, ["1", "H15.07-240101-0001"])
    sheet = book.add_worksheet("Dữ liệu")
    sheet.activate()
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    for at, line in enumerate(_grid(entity, rows, dirt)):
        for column, value in enumerate(line):
            if isinstance(value, datetime):
                sheet.write_datetime(at, column, value, moment)
            elif isinstance(value, str):
                sheet.write_string(at, column, value)
            elif value is not None:
                sheet.write(at, column, value)
    if dirt.two_row_header:
        _merge_groups(sheet, entity, dirt)
    book.close()
    return path


def write_csv(
    path: Path,
    entity: str,
    rows: Sequence[Row],
    dirt: Dirt = TIDY,
    *,
    encoding: str = "utf-8",
    separator: str = ",",
    newline: str = "\r\n",
) -> Path:
    """An export as text. encoding: utf-8, utf-8-sig, utf-16 (with its mark) or cp1258, which decomposes tones."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=newline)
    for line in _grid(entity, rows, dirt):
        writer.writerow([f"{cell:%d/%m/%Y %H:%M:%S}" if isinstance(cell, datetime) else cell for cell in line])
    content = text.getvalue()
    path.write_bytes(for_cp1258(content).encode("cp1258") if encoding == "cp1258" else content.encode(encoding))
    return path


def for_cp1258(text: str) -> str:
    """Letters as Windows-1258 has them: base letter with its own mark, the tone as a sign behind it."""
    out = []
    for letter in text:
        parts = unicodedata.normalize("NFD", letter)
        tone = next((p for p in parts[1:] if p in "\u0300\u0301\u0303\u0309\u0323"), "")
        out.append(unicodedata.normalize("NFC", "".join(p for p in parts if p != tone)) + tone if tone else letter)
    return "".join(out)


def write_manifest(file: Path, rows: int) -> Path:
    """The side file that announces an export's rows and content."""
    path = file.with_name(f"{file.name}.manifest.json")
    path.write_text(json.dumps({"rows": rows, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}))
    return path


def _grid(entity: str, rows: Sequence[Row], dirt: Dirt) -> list[list[Any]]:
    """The file's lines, cell by cell, from the title to the signatures."""
    headings = _ordered(entity, dirt)
    shown = [unicodedata.normalize("NFD", h) if dirt.decomposed else h for h in headings]
    shown = [f"{h.upper() if place % 2 else h} (*)" if dirt.starred else h for place, h in enumerate(shown)]
    titles = ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "", "DANH SÁCH KẾT XUẤT"]
    grid: list[list[Any]] = [[titles[place % len(titles)]] for place in range(dirt.title_rows)]
    header = _header(shown, dirt)
    grid += header
    for place, row in enumerate(rows):
        if dirt.header_repeated_every and place and place % dirt.header_repeated_every == 0:
            grid += header
        typed = bool(dirt.text_dates_every) and place % dirt.text_dates_every == 0
        values = {**row, **(dirt.extra_columns or {})}
        grid.append([_cell(values.get(heading), typed) for heading in headings])
    if dirt.totals:
        grid += [[], ["Tổng cộng", len(rows)]]
    if dirt.signatures:
        grid += [[], ["", "", "Đắk Lắk, ngày 15 tháng 9 năm 2024"], ["", "Người lập biểu", "", "Thủ trưởng đơn vị"]]
    return grid


def _ordered(entity: str, dirt: Dirt) -> list[str]:
    headings = [*HEADINGS[entity], *(dirt.extra_columns or ())]
    return headings[::-1] if dirt.reversed_columns else headings


def _header(headings: Sequence[str], dirt: Dirt) -> list[list[Any]]:
    if not dirt.two_row_header:
        return [list(headings)]
    upper: list[Any] = []
    lower: list[Any] = []
    for place, heading in enumerate(headings):
        inside = _in_group(heading)
        first = inside and not (place and _in_group(headings[place - 1]))
        upper.append(_GROUP if first else None if inside else heading)
        lower.append(heading[len(_GROUP) + 1 :].capitalize() if inside else None)
    return [upper, lower]


def _in_group(heading: str) -> bool:
    return heading.startswith(f"{_GROUP} ")


def _merge_groups(sheet: Any, entity: str, dirt: Dirt) -> None:
    """Merges "Ngày" over its columns and each other heading over both rows."""
    headings = _ordered(entity, dirt)
    top = dirt.title_rows
    start: int | None = None
    for place, heading in enumerate([*headings, ""]):
        if _in_group(heading):
            start = place if start is None else start
            continue
        if start is not None and place - start > 1:
            sheet.merge_range(top, start, top, place - 1, _GROUP)
        start = None
        if heading:
            sheet.merge_range(top, place, top + 1, place, heading)


def _cell(value: Any, typed: bool) -> Any:
    if typed and isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M:%S}" if value.second else f"{value:%d/%m/%Y %H:%M}"
    return value
