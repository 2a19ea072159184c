"""Exports of the portal as people make them: every kind of dirt, read back as the records that were meant."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import psutil
import pytest

from onestop.sandbox.portal_files import TIDY, Dirt, for_cp1258, write_csv, write_xlsx
from onestop.sources.portal_cells import amount_text, date_text, plain
from onestop.sources.portal_columns import folded
from onestop.sources.spreadsheet import ROWS, FileFacts, FileRefused, read_table

STAMP = "20240914235959"


def at(*parts: int) -> datetime:
    return datetime(*parts)


def row(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "STT": number,
        "Mã hồ sơ": f"H15.07-240823-{number:04d}",
        "Mã hồ sơ khác": None,
        "Mã TTHC": "1.012790",
        "Tên TTHC": "Đăng ký khai sinh",
        "Mã cơ quan xử lý": "H15.07",
        "Kênh nộp": "Trực tuyến",
        "Ngày nộp": at(2024, 8, 23, 8, 0),
        "Ngày tiếp nhận": at(2024, 8, 23, 8, 15, 30),
        "Ngày hẹn trả": at(2024, 8, 30, 17, 0),
        "Ngày kết thúc xử lý": at(2024, 8, 29, 10, 0),
        "Ngày trả kết quả": None,
        "Trạng thái": "Đã xử lý xong",
        "Mức độ DVC": "Toàn trình",
        "Ngày đồng bộ": None,
    }
    return made | changes


def record(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "STT": str(number),
        "MaHoSo": f"H15.07-240823-{number:04d}",
        "MaHoSoKhac": None,
        "MaTTHC": "1.012790",
        "TenTTHC": "Đăng ký khai sinh",
        "DonViXuLy": "H15.07",
        "KenhThucHien": "2",
        "NgayNopHoSo": "20240823080000",
        "NgayTiepNhan": "20240823081530",
        "NgayHenTra": "20240830170000",
        "NgayKetThucXuLy": "20240829100000",
        "NgayTra": None,
        "TrangThaiHoSo": "9",
        "MucDo": "4",
        "NgayDongBo": None,
        "NgayCapNhat": STAMP,
    }
    return made | changes


def read(file: Path, entity: str = "dossier") -> tuple[list[int], list[dict[str, Any]], FileFacts]:
    numbers: list[int] = []
    records: list[dict[str, Any]] = []
    reading = read_table(file, file.name, entity, stamp=STAMP)
    for chunk in reading:
        numbers += chunk.numbers
        records += chunk.records
    return numbers, records, reading.facts


def hand_made(path: Path, fill: Callable[[Any], None]) -> Path:
    book = openpyxl.Workbook()
    fill(book.active)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("dirt", "first_row", "layout"),
    [
        (TIDY, 2, 0),
        (Dirt(), 6, 3),
        (Dirt(title_rows=8, two_row_header=True), 11, 3),
        (Dirt(title_rows=1, starred=True, decomposed=True), 3, 3),
        (Dirt(reversed_columns=True), 6, 3),
        (Dirt(reversed_columns=True, two_row_header=True), 7, 3),
        (Dirt(text_dates_every=2), 6, 3),
        (Dirt(cover=True, hidden_copy=True), 6, 3),
        (Dirt(epoch_1904=True), 6, 3),
    ],
    ids=[
        "tidy",
        "usual",
        "two-row header",
        "starred NFD",
        "reversed",
        "reversed two-row",
        "text dates",
        "sheets",
        "1904",
    ],
)
@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_the_same_records_out_of_any_dirt(tmp_path: Path, dirt: Dirt, first_row: int, layout: int, suffix: str) -> None:
    write = write_xlsx if suffix == "xlsx" else write_csv
    numbers, records, facts = read(write(tmp_path / f"a.{suffix}", "HoSo", [row(n) for n in (1, 2, 3)], dirt))
    assert records == [record(n) for n in (1, 2, 3)]
    assert numbers == [first_row, first_row + 1, first_row + 2]
    assert (facts.records, facts.layout_rows, facts.unknown_headings) == (3, layout, ())
    assert facts.sheet == ("Dữ liệu" if suffix == "xlsx" else None)


def test_a_header_printed_on_each_page_is_layout(tmp_path: Path) -> None:
    dirt = Dirt(title_rows=0, totals=False, signatures=False, two_row_header=False, header_repeated_every=2)
    numbers, records, facts = read(write_xlsx(tmp_path / "a.xlsx", "HoSo", [row(n) for n in range(1, 6)], dirt))
    assert records == [record(n) for n in range(1, 6)]
    assert (numbers, facts.layout_rows) == ([2, 3, 5, 6, 8], 2)


def test_unknown_columns_are_kept_and_reported(tmp_path: Path) -> None:
    dirt = Dirt(extra_columns={"Ghi chú": "x", "Số lượng": 3})
    _, records, facts = read(write_xlsx(tmp_path / "a.xlsx", "HoSo", [row()], dirt))
    assert records == [record() | {"Ghi chú": "x", "Số lượng": "3"}]
    assert facts.unknown_headings == ("Ghi chú", "Số lượng")


def test_an_unknown_column_never_takes_a_field_s_name(tmp_path: Path) -> None:
    dirt = Dirt(extra_columns={"MaTTHC": "x", "NgayCapNhat": "y", "_surplus": "z"})
    _, records, facts = read(write_xlsx(tmp_path / "a.xlsx", "HoSo", [row()], dirt))
    assert records == [record() | {"MaTTHC (cột 16)": "x", "NgayCapNhat (cột 17)": "y", "_surplus (cột 18)": "z"}]
    assert facts.unknown_headings == ("MaTTHC", "NgayCapNhat", "_surplus")


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_a_missing_required_column_stops_the_file_and_its_rows_are_counted(tmp_path: Path, suffix: str) -> None:
    file = write_csv(tmp_path / "a.csv", "HoSo", [row(n) for n in range(1, 8)])
    if suffix == "csv":
        file.write_text(file.read_text().replace("Kênh nộp", "Kênh"), encoding="utf-8")
    else:
        file = tmp_path / "a.xlsx"
        write_xlsx(file, "HoSo", [row(n) for n in range(1, 8)])
        book = openpyxl.load_workbook(file)
        sheet = book["Dữ liệu"]
        sheet.cell(1, 7).value = "Kênh"
        book.save(file)
    with pytest.raises(FileRefused, match=rf"a\.{suffix}: required columns are missing: Kênh nộp") as caught:
        read(file)
    assert caught.value.rows == 7


def test_rows_are_records_by_number_or_code(tmp_path: Path) -> None:
    rows = [
        row(1, **{"Mã hồ sơ": None}),
        row(2, STT=None),
        row(3, STT=None, **{"Mã hồ sơ": "h15.07 - 240823-12"}),
        row(4, STT="04."),
        row(5, STT=None, **{"Mã hồ sơ": "H15.07/240823/0005"}),  # meant as a code: judged, not dropped
        row(6, STT=None, **{"Tên TTHC": "Tổng cộng"}),
        {"STT": "Tổng cộng", "Mã hồ sơ": 4},
        {"STT": 6, "Tên TTHC": "TỔNG CỘNG:"},
        {"STT": "", "Mã hồ sơ": "15/09/2024"},
        {"STT": 4, "Mã hồ sơ": "Tổng cộng"},
        {"Mã hồ sơ": "Người lập biểu"},
        {"Tên TTHC": "   "},
    ]
    _, records, facts = read(write_xlsx(tmp_path / "a.xlsx", "HoSo", rows))
    assert [(r["STT"], r["MaHoSo"]) for r in records] == [
        ("1", None),
        (None, "H15.07-240823-0002"),
        (None, "h15.07 - 240823-12"),
        ("04.", "H15.07-240823-0004"),
        (None, "H15.07/240823/0005"),
        (None, "H15.07-240823-0006"),
    ]
    assert (facts.records, facts.layout_rows, facts.blank_rows) == (6, 5, 1)


def test_cells_that_are_no_date_no_label_or_no_code_can_be_told_apart(tmp_path: Path) -> None:
    rows = [
        row(
            1,
            **{
                "Mã TTHC": 1.01279,
                "Kênh nộp": "2",
                "Trạng thái": "  ĐÃ XỬ LÝ   XONG ",
                "Mức độ DVC": 4,
                "Ngày nộp": "20240823080000",
                "Ngày tiếp nhận": 45527.5,
                "Ngày hẹn trả": "31/02/2024",
                "Ngày kết thúc xử lý": "hôm qua",
                "Ngày trả kết quả": "01/09/2024",
            },
        ),
        row(2, **{"Ngày nộp": "1/9/2024", "Ngày tiếp nhận": "01/09/2024 07:05"}),
    ]
    _, (first, second), _ = read(write_xlsx(tmp_path / "a.xlsx", "HoSo", rows))
    assert first == record(
        1,
        MaTTHC=1.01279,
        KenhThucHien=2,
        TrangThaiHoSo="9",
        MucDo=4,
        NgayNopHoSo=20240823080000,
        NgayTiepNhan="45527.5",
        NgayHenTra="31/02/2024",
        NgayKetThucXuLy="hôm qua",
        NgayTra="20240901000000",
    )
    assert second == record(2, NgayNopHoSo="1/9/2024", NgayTiepNhan="20240901070500")


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("1.219.000", "1219000"), ("1.219.000 đ", "1219000"), ("1,219,000", "1219000"), ("1219000", "1219000"),
        ("1.219.000\u00a0VNĐ", "1219000"), ("0", "0"), ("1.219,000", "1.219,000"), ("1.21.000", "1.21.000"),
        ("-5.000", "-5.000"), ("miễn phí", "miễn phí"), ("", None),
    ],
)  # fmt: skip
def test_amounts(typed: str, read_as: str | None) -> None:
    assert amount_text(typed) == read_as


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("23/08/2024", "20240823000000"), (" 23/08/2024  08:05 ", "20240823080500"), ("29/02/2024 23:59:59", "20240229235959"),
        ("29/02/2023", "29/02/2023"), ("23/08/2024 24:00", "23/08/2024 24:00"), ("2024-08-23", "2024-08-23"),
        ("٢٣/٠٨/٢٠٢٤", "٢٣/٠٨/٢٠٢٤"), (" ", None), ("01/01/0999", "09990101000000"),
    ],
)  # fmt: skip
def test_dates_as_text(typed: str, read_as: str | None) -> None:
    assert date_text(typed) == read_as


def test_numbers_as_text_have_no_exponent() -> None:
    assert [plain(v) for v in (1e15, 1e-7, 12.0, 0.1, True)] == ["1000000000000000", "0.0000001", "12", "0.1", "1"]


def test_headings_compare_whatever_their_marks_and_blanks() -> None:
    assert folded("  NGÀY \n tiếp nhận (*) ") == folded("Nga\u0300y tiếp nhận") == "ngày tiếp nhận"


def test_payments_and_ratings(tmp_path: Path) -> None:
    paid = {
        "Mã giao dịch": "GD-1", "Mã hồ sơ": "H15.07-240823-0001", "Hình thức": "trực tuyến", "Trạng thái": "THÀNH CÔNG",
        "Ngày thanh toán": at(2024, 8, 23, 9, 0),
    }  # fmt: skip
    rows = [{**paid, "Số tiền": amount} for amount in (1219000, 12.5, "1.219.000 đ")]
    _, records, facts = read(write_xlsx(tmp_path / "p.xlsx", "ThanhToan", rows, Dirt()), "payment")
    assert [r["SoTien"] for r in records] == ["1219000", "12.5", "1219000"]
    assert records[0] == {
        "MaGiaoDich": "GD-1", "MaHoSo": "H15.07-240823-0001", "SoTien": "1219000", "HinhThuc": "Trực tuyến",
        "TrangThai": "Thành công", "NgayThanhToan": "20240823090000", "NgayCapNhat": STAMP,
    }  # fmt: skip
    assert facts.layout_rows == 3
    rated = {"Mã phiếu": 17, "Mã hồ sơ": None, "Điểm": 5, "Ngày đánh giá": "30/08/2024", "Nội dung": "tốt"}
    _, records, _ = read(write_csv(tmp_path / "r.csv", "DanhGia", [rated], Dirt(), separator=";"), "rating")
    assert records == [
        {
            "MaPhieu": "17",
            "MaHoSo": None,
            "Diem": "5",
            "NgayDanhGia": "20240830000000",
            "NoiDung": "tốt",
            "NgayCapNhat": STAMP,
        }
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1258"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_csv_of_each_encoding_separator_and_line_end(
    tmp_path: Path, encoding: str, separator: str, newline: str
) -> None:
    title = 'Khai sinh; "liên thông",\r\n\tđợt 2'
    rows = [row(1, **{"Tên TTHC": title}), row(2)]
    file = write_csv(tmp_path / "a.csv", "HoSo", rows, Dirt(), encoding=encoding, separator=separator, newline=newline)
    numbers, records, facts = read(file)
    if encoding == "cp1258":  # tones come as signs of their own; shaping brings them to NFC
        assert for_cp1258(title) == records[0].pop("TenTTHC")
        assert for_cp1258("Đăng ký khai sinh") == records[1].pop("TenTTHC")
        assert [r | {"TenTTHC": None} for r in records] == [record(n, TenTTHC=None) for n in (1, 2)]
    else:
        assert records == [record(1, TenTTHC=title), record(2)]
    assert numbers == [6, 8]
    assert (facts.encoding, facts.separator) == (encoding, separator)


def test_utf16_big_endian(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", "HoSo", [row()])
    file.write_bytes(codecs.BOM_UTF16_BE + file.read_bytes().decode().encode("utf-16-be"))
    assert read(file)[1] == [record()]


def line(text: str) -> Callable[[Path], Path]:
    """An export of three rows with one more line of text behind its second row."""

    def make(path: Path) -> Path:
        write_csv(path, "HoSo", [row(n) for n in (1, 2, 3)])
        lines = path.read_bytes().split(b"\r\n")
        lines.insert(3, text.encode())
        path.write_bytes(b"\r\n".join(lines))
        return path

    return make


def test_ragged_rows(tmp_path: Path) -> None:
    short = line("4,H15.07-240823-0004")(tmp_path / "a.csv")
    _, records, _ = read(short)
    assert records[2] == dict.fromkeys(record(), None) | {
        "STT": "4",
        "MaHoSo": "H15.07-240823-0004",
        "NgayCapNhat": STAMP,
    }
    long = line(",".join(["4", "H15.07-240823-0004", *[""] * 13, "", "thừa"]))(tmp_path / "b.csv")
    _, records, _ = read(long)
    assert [r.get("_surplus") for r in records] == [None, None, ["thừa"], None]


def test_nul_stays_for_the_rules_to_find(tmp_path: Path) -> None:
    _, records, _ = read(line("4,H15.07-240823-00\x0004")(tmp_path / "a.csv"))
    assert records[2]["MaHoSo"] == "H15.07-240823-00\x0004"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('4,"H15.07-240823-0004', "begins on line 4 .* quotation marks do not match"),
        ('4,"H15.07"-240823-0004', "begins on line 4 .* quotation marks do not match"),
        (f"4,H15.07-240823-0004,{'x' * 1_500_000}", "begins on line 4 .* more than 131,072 characters"),
    ],
)
def test_csv_that_cannot_be_read_names_the_line_and_quotes_nothing(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(FileRefused, match=reason) as caught:
        read(line(text)(tmp_path / "a.csv"))
    assert "240823" not in str(caught.value)


def test_csv_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"\xff\xfe\x00\xd8" * 8)
    with pytest.raises(FileRefused, match="neither UTF-8"):
        read(file)
    file.write_bytes("Mã,Tên\r\n1,2\r\n".encode())
    with pytest.raises(FileRefused, match='heading "Mã hồ sơ"'):
        read(file)


def test_two_tables(tmp_path: Path) -> None:
    def below(sheet: Any) -> None:
        for values in (
            ["Mã phiếu", "Mã hồ sơ", "Điểm", "Ngày đánh giá"],
            ["P1", "H15.07-240823-0001", 5, "23/08/2024"],
        ):
            sheet.append(values)
        sheet.append([])
        sheet.append(["Mã hồ sơ", "Ghi chú"])

    with pytest.raises(FileRefused, match="a second table begins at row 4") as caught:
        read(hand_made(tmp_path / "a.xlsx", below), "rating")
    assert caught.value.rows == 1

    def of_another_kind(sheet: Any) -> None:
        sheet.append(["Mã phiếu", "Mã hồ sơ", "Điểm", "Ngày đánh giá"])
        sheet.append(["P1", "H15.07-240823-0001", 5, "23/08/2024"])
        sheet.append(["Mã giao dịch", "MÃ HỒ SƠ (*)", "Số tiền"])  # its code stands in the same column

    with pytest.raises(FileRefused, match="a second table begins at row 3") as caught:
        read(hand_made(tmp_path / "d.xlsx", of_another_kind), "rating")
    assert caught.value.rows == 1

    def beside(sheet: Any) -> None:
        sheet.append(["Mã phiếu", "Mã hồ sơ", "Điểm", "Ngày đánh giá", None, "Mã phiếu", "Mã hồ sơ"])

    with pytest.raises(FileRefused, match="'Mã phiếu' stands twice, in columns 1 and 6"):
        read(hand_made(tmp_path / "b.xlsx", beside), "rating")

    def twice(sheet: Any) -> None:
        sheet.append(["Mã phiếu", "Mã hồ sơ", "Điểm", "Ngày đánh giá"])
        sheet.parent.copy_worksheet(sheet)

    with pytest.raises(FileRefused, match="2 sheets hold a table"):
        read(hand_made(tmp_path / "c.xlsx", twice), "rating")


def test_only_hidden_data(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["Mã phiếu", "Mã hồ sơ", "Điểm", "Ngày đánh giá"])
        sheet.sheet_state = "veryHidden"
        sheet.parent.create_sheet("Bìa")

    with pytest.raises(FileRefused, match="no visible sheet"):
        read(hand_made(tmp_path / "a.xlsx", fill), "rating")


def test_a_cell_without_heading_is_kept_and_reported(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet["B3"], sheet["C3"], sheet["D3"], sheet["E3"] = "Mã phiếu", "Mã hồ sơ", "Điểm", "Ngày đánh giá"
        sheet["B4"], sheet["C4"], sheet["D4"], sheet["E4"], sheet["G4"] = (
            "P1",
            "H15.07-240823-0001",
            5,
            "23/08/2024",
            "ghi chú",
        )

    numbers, records, facts = read(hand_made(tmp_path / "a.xlsx", fill), "rating")
    assert numbers == [4]
    assert (records[0]["MaPhieu"], facts.unknown_headings) == (
        "P1",
        tuple(n for n in records[0] if n.startswith("(cột")),
    )
    assert "ghi chú" in records[0].values()


def test_bytes_are_read_like_a_file_and_facts_wait_for_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onestop.sources.spreadsheet.ROWS", 3_000)  # of which the child hands over 2,000 at a time
    body = write_xlsx(tmp_path / "a.xlsx", "HoSo", [row(n) for n in range(1, 4501)]).read_bytes()
    reading = read_table(body, "a.xlsx", "dossier", stamp=STAMP)
    with pytest.raises(ValueError, match="not been read"):
        _ = reading.facts
    chunks = list(reading)
    assert [len(c.records) for c in chunks] == [4000, 500]
    assert reading.facts.records == 4500
    early = read_table(body, "a.xlsx", "dossier")
    next(early)
    early.close()


def test_the_child_reads_on_while_its_rows_are_loaded(tmp_path: Path) -> None:
    """Here its messages are more than a pipe holds, and less than are taken ahead."""
    file = write_csv(tmp_path / "a.csv", "HoSo", [row(n) for n in range(1, ROWS + 4_001)])
    before = set(psutil.Process().children())
    with closing(read_table(file, file.name, "dossier", stamp=STAMP)) as chunks:
        first = len(next(chunks).records)
        assert ROWS <= first < ROWS + 4_000
        (child,) = set(psutil.Process().children()) - before
        until = time.monotonic() + 60
        while child.status() != psutil.STATUS_ZOMBIE:  # done, and nobody asked for the rest
            assert time.monotonic() < until
            time.sleep(0.05)
        assert [len(chunk.records) for chunk in chunks] == [ROWS + 4_000 - first]
