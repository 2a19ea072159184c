"""What the sandbox writes as portal exports, looked at with another reader than the product's."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from onestop.sandbox.portal_files import (
    HEADINGS,
    Dirt,
    dossier_row,
    file_name,
    for_cp1258,
    write_csv,
    write_manifest,
    write_xlsx,
)

RECORD = {
    "MaHoSo": "H15.07-240823-0001", "MaTTHC": "1.012790", "DonViXuLy": "H15.07", "KenhThucHien": "3", "MucDo": "3",
    "NgayTiepNhan": "20240823081530", "TrangThaiHoSo": "4", "NgayCapNhat": "20240825090000",
}  # fmt: skip


def test_a_dossier_as_the_portal_shows_it() -> None:
    row = dossier_row(RECORD, 7)
    assert tuple(row) == HEADINGS["HoSo"]
    assert (row["STT"], row["Kênh nộp"], row["Trạng thái"], row["Mức độ DVC"]) == (
        7,
        "Bưu chính công ích",
        "Đang xử lý",
        "Một phần",
    )
    assert row["Ngày tiếp nhận"] == datetime(2024, 8, 23, 8, 15, 30)
    assert row["Ngày hẹn trả"] is None


@pytest.mark.parametrize("epoch_1904", [False, True])
def test_a_workbook_with_everything_that_offices_add(tmp_path: Path, epoch_1904: bool) -> None:
    dirt = Dirt(two_row_header=True, cover=True, hidden_copy=True, epoch_1904=epoch_1904, text_dates_every=2)
    file = write_xlsx(tmp_path / "a.xlsx", "HoSo", [dossier_row(RECORD, n) for n in (1, 2)], dirt)
    book = openpyxl.load_workbook(file)
    assert [(s.title, s.sheet_state) for s in book] == [("Bìa", "visible"), ("Nháp", "hidden"), ("Dữ liệu", "visible")]
    sheet = book["Dữ liệu"]
    assert "H5:L5" in [str(area) for area in sheet.merged_cells.ranges]
    assert [sheet.cell(6, column).value for column in range(8, 13)] == [
        "Nộp",
        "Tiếp nhận",
        "Hẹn trả",
        "Kết thúc xử lý",
        "Trả kết quả",
    ]
    assert sheet.cell(7, 9).value == "23/08/2024 08:15:30"
    assert sheet.cell(8, 9).value == datetime(2024, 8, 23, 8, 15, 30)
    assert (sheet.cell(10, 1).value, sheet.cell(10, 2).value) == ("Tổng cộng", 2)
    assert book.epoch.year == (1904 if epoch_1904 else 1899)


def test_csv_in_windows_1258(tmp_path: Path) -> None:
    file = write_csv(
        tmp_path / "a.csv", "HoSo", [dossier_row(RECORD, 1)], encoding="cp1258", separator=";", newline="\n"
    )
    head, line, rest = file.read_bytes().split(b"\n")
    assert head.startswith(b"STT;Ma\xde h\xf4\xcc s\xf5;")
    assert b";23/08/2024 08:15:30;" in line
    assert rest == b""
    assert for_cp1258("Trường") == "Trươ\u0300ng"


def test_names_and_manifest(tmp_path: Path) -> None:
    days = date(2024, 6, 1), date(2024, 6, 30)
    assert file_name("DanhGia", "H15", *days) == "DVCQG_DanhGia_H15_20240601_20240630.xlsx"
    assert file_name("HoSo", "H15", *days, version=2, suffix="csv") == "DVCQG_HoSo_H15_20240601_20240630_v2.csv"
    file = tmp_path / "a.csv"
    file.write_bytes(b"x")
    manifest = write_manifest(file, 5)
    assert manifest.name == "a.csv.manifest.json"
    assert json.loads(manifest.read_text()) == {"rows": 5, "sha256": hashlib.sha256(b"x").hexdigest()}
