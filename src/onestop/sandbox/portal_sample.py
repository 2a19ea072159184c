"""The national portal's exports of a sample province: some of its dossiers, their payments and ratings, and bad rows.

Every dossier shown is one that the one-stop system has as well, so that the province's figures stay what they are.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from onestop.sandbox.feed import Record
from onestop.sandbox.judging import Judge, tidied
from onestop.sandbox.portal_files import Dirt, dossier_row, file_name, write_csv, write_manifest, write_xlsx
from onestop.sandbox.scenarios import Scenario

Row = dict[str, Any]
Content = Mapping[str, Any]
SAMPLE = 3000
BAD_PER_RULE = 2
WAYS = {"truc-tuyen": "Trực tuyến", "tien-mat": "Tiền mặt", "chuyen-khoan": "Chuyển khoản"}
_UNTIDY = Dirt(title_rows=4, two_row_header=True, text_dates_every=7, cover=True, hidden_copy=True)


def write_exports(
    scenario: Scenario, records: Iterable[Record], judge: Judge, folder: Path, seed: int
) -> tuple[int, dict[str, int]]:
    """Write one export of each entity for the scenario's period; earlier ones in the folder are removed.

    Args:
        records: the one-stop system's feed; up to 3000 of its resolved dossiers are shown.
        judge: tells which of them are without fault.

    Returns:
        The rows written, and how many of them break each rule; a row breaks one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("DVCQG_*"):
        old.unlink()
    sample = list(_sample(scenario, records, judge, seed))
    dossiers, planted = _dossiers(sample, scenario.as_of.replace(tzinfo=None))
    payments, bad_payments = _payments(sample)
    ratings, bad_ratings = _ratings(sample)

    def path(entity: str, suffix: str) -> Path:
        return folder / file_name(entity, scenario.code, scenario.first, scenario.last, suffix=suffix)

    book = write_xlsx(path("HoSo", "xlsx"), "HoSo", dossiers, _UNTIDY)
    write_manifest(book, len(dossiers))
    write_csv(path("ThanhToan", "csv"), "ThanhToan", payments, encoding="cp1258", separator=";")
    write_csv(path("DanhGia", "csv"), "DanhGia", ratings, encoding="utf-16", separator="\t")
    return len(dossiers) + len(payments) + len(ratings), planted | bad_payments | bad_ratings


def _sample(scenario: Scenario, records: Iterable[Record], judge: Judge, seed: int) -> Iterator[Content]:
    """Dossiers received and resolved in the period, in their present version, without fault or oddity."""
    latest: dict[str, Record] = {}
    for record in records:
        known = latest.setdefault(record.code, record)
        if known.stamp <= record.stamp:
            latest[record.code] = record
    codes = sorted(latest)
    random.Random(seed).shuffle(codes)  # noqa: S311
    first, last = f"{scenario.first:%Y%m%d}", f"{scenario.last:%Y%m%d}"
    found = 0
    for code in codes:
        delivered = orjson.loads(latest[code].body)
        content = {**delivered, **tidied(delivered)}
        ended = content["NgayKetThucXuLy"] or ""
        if content["LaHoSoThuNghiem"] == "1" or content["DaXoa"] == "1" or content["TrangThaiHoSo"] not in ("9", "10"):
            continue
        if (
            judge.failed(content)
            or judge.warned(content)
            or not first <= content["NgayTiepNhan"][:8] <= ended[:8] <= last
        ):
            continue
        yield content
        found += 1
        if found == SAMPLE:
            return


def _dossiers(sample: Sequence[Content], now: datetime) -> tuple[list[Row], dict[str, int]]:
    rows = [dossier_row(content, number) for number, content in enumerate(sample, 1)]
    every = len(rows) // (len(SPOILERS) * BAD_PER_RULE)
    for turn, spoil in enumerate(SPOILERS.values()):
        for again in range(BAD_PER_RULE):
            row = rows[(turn * BAD_PER_RULE + again) * every]
            spoil(row, now)
    return rows, dict.fromkeys(SPOILERS, BAD_PER_RULE)


def _payments(sample: Sequence[Content]) -> tuple[list[Row], dict[str, int]]:
    paid = [
        (content["MaHoSo"], fee)
        for content in sample
        for fee in content["DanhSachLePhi"]
        if fee["NgayThanhToan"] and fee["HinhThucThanhToan"]
    ]
    rows: list[Row] = [
        {
            "Mã giao dịch": f"DVCQG{number:08d}",
            "Mã hồ sơ": code,
            "Số tiền": f"{int(fee['Gia']):,} đ".replace(",", "."),
            "Hình thức": WAYS[fee["HinhThucThanhToan"]],
            "Trạng thái": "Hoàn tiền" if fee["TrangThaiThanhToan"] == "Hoàn phí" else "Thành công",
            "Ngày thanh toán": datetime.strptime(fee["NgayThanhToan"], "%Y%m%d%H%M%S"),  # noqa: DTZ007  (local, as cells are)
        }
        for number, (code, fee) in enumerate(paid, 1)
    ]
    rows[1]["Mã giao dịch"] = rows[0]["Mã giao dịch"]
    rows[2]["Mã hồ sơ"] = "không rõ"
    rows[3]["Số tiền"] = "-1000"
    rows[4]["Hình thức"] = "Ví điện tử"
    rows[5]["Ngày thanh toán"] = "31/09/2024"
    return rows, {"PT-101": 2, "PT-102": 1, "PT-103": 1, "PT-104": 1, "PT-105": 1}


def _ratings(sample: Sequence[Content]) -> tuple[list[Row], dict[str, int]]:
    rated = [content for content in sample if content["NgayDanhGia"] and content["MucDoHaiLong"]]
    rows: list[Row] = [
        {
            "Mã phiếu": f"PH{number:08d}",
            "Mã hồ sơ": content["MaHoSo"],
            "Điểm": int(content["MucDoHaiLong"]),
            "Ngày đánh giá": datetime.strptime(content["NgayDanhGia"], "%Y%m%d%H%M%S"),  # noqa: DTZ007  (local, as cells are)
            "Nội dung": "Cán bộ hướng dẫn rõ ràng" if number % 4 else None,
        }
        for number, content in enumerate(rated, 1)
    ]
    rows[1]["Mã phiếu"] = rows[0]["Mã phiếu"]
    rows[2]["Mã hồ sơ"] = None
    rows[3]["Điểm"] = 6
    rows[4]["Ngày đánh giá"] = None
    return rows, {"PT-201": 2, "PT-202": 1, "PT-203": 1, "PT-205": 1}


def _set(**values: Any) -> Callable[[Row, datetime], None]:
    """Sets cells by the keys of _HEADINGS."""

    def change(row: Row, _: datetime) -> None:
        row.update({_HEADINGS[name]: value for name, value in values.items()})

    return change


def _slashes(row: Row, _: datetime) -> None:
    row["Mã hồ sơ"] = row["Mã hồ sơ"].replace("-", "/")


def _received_soon(row: Row, now: datetime) -> None:
    soon = now + timedelta(hours=2)
    _set(received=soon, due=soon + timedelta(days=5), ended=None, returned=None, status="Đang xử lý")(row, now)


def _moved(name: str, days: int) -> Callable[[Row, datetime], None]:
    """Sets a date to so many days after the receipt."""

    def change(row: Row, _: datetime) -> None:
        row[_HEADINGS[name]] = row["Ngày tiếp nhận"] + timedelta(days=days)

    return change


_HEADINGS = {
    "number": "STT",
    "procedure": "Mã TTHC",
    "unit": "Mã cơ quan xử lý",
    "channel": "Kênh nộp",
    "received": "Ngày tiếp nhận",
    "due": "Ngày hẹn trả",
    "ended": "Ngày kết thúc xử lý",
    "returned": "Ngày trả kết quả",
    "status": "Trạng thái",
}
SPOILERS: dict[str, Callable[[Row, datetime], None]] = {
    "PT-001": _slashes,
    "PT-002": _set(procedure=1.01279),
    "PT-003": _set(status="Đã xong"),
    "PT-004": _set(channel="Ki-ốt"),
    "PT-005": _set(received=None),
    "PT-006": _set(due="30/02/2024"),
    "PT-007": _received_soon,
    "PT-008": _moved("ended", 4000),
    "PT-009": _moved("ended", -2),
    "PT-010": _set(ended=None),
    "PT-011": _set(unit="H99.77"),
    "PT-018": _moved("due", -3),
    "PT-020": _set(number=None),
}
"""By rule, what makes a clean row of a resolved dossier break it and no other."""
