"""A random province for dossier_recount.py: dossiers in two systems and on the portal, with all that is nasty in them."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta
from typing import Any

from dossier_recount import Batch, World
from recount import DAY, Province, Row

ROOT = "H15"
KNOWN_AT = datetime(2024, 10, 20, 8)
MERGER = date(2024, 7, 1)
EDGES = [
    *(date(2024, month, dom) for month in (3, 6, 7, 9, 10) for dom in (1, 14, 15)),
    *(date(2023, 12, 14), date(2023, 12, 15), date(2023, 12, 31), date(2024, 3, 31), date(2024, 6, 30)),
    *(date(2024, 2, 7), date(2024, 2, 15), date(2024, 5, 3), date(2024, 5, 4), date(2024, 9, 30)),
]
DAYS_OFF = {
    date(2024, 1, 1),
    *(date(2024, 2, dom) for dom in (8, 9, 12, 13, 14)),
    *(date(2024, 4, dom) for dom in (18, 29, 30)),
    *(date(2024, 5, 1), date(2024, 9, 2), date(2024, 9, 3)),
    *(date(2023, 9, 1), date(2023, 9, 4)),
}
CLOCKS = ("000000", "070000", "113000", "113001", "133000", "165959", "170000", "235959", "080500", "101530")
FLAGS = (
    *("ho_so_co_thanh_phan_so_hoa", "duoc_tai_su_dung", "ket_qua_dien_tu"),
    *("tai_khoan_duoc_xac_thuc_voi_vneid", "chung_thuc_ban_sao_dien_tu"),
)


def province() -> Province:
    """A department with a branch; a district whose communes were merged; a commune that came, one that stayed."""
    long_ago, eve = date(2004, 1, 1), MERGER - DAY

    def unit(code: str, level: str, parent: str | None, first: date | None, last: date | None = None) -> Row:
        return {"agency_code": code, "level": level, "parent_code": parent, "valid_from": first, "valid_to": last}

    def moves(old: str, new: str, on: date, *, default: bool = True) -> Row:
        return {"predecessor_code": old, "successor_code": new, "effective_on": on, "is_default": default}

    def entry(code: int, field: str | None, level: int, fee: bool, first: date | None, last: date | None) -> Row:
        announced = (first or date(2024, 2, 1)) if code % 2 else None
        return {
            **{"procedure_code": f"1.00000{code}", "field_code": field, "field_name_vi": field, "service_level": level},
            **{"has_fee": fee, "valid_from": first, "valid_to": last, "content_complete": code % 3 == 0},
            **{"announced_on": announced, "published_on": announced and announced + 6 * DAY},
        }

    cases = [
        {
            **{"code": f"PA{n}", "about": None, "agency_code": unit_code, "received": received, "answered": answered},
            **{"due": None, "competent": True, "kind": 1, "status": "da_xu_ly", "satisfaction": opinion},
        }
        for n, (unit_code, received, answered, opinion) in enumerate(
            [
                ("H15.01", date(2024, 3, 1), date(2024, 3, 10), "hai_long"),
                ("H15.101", date(2024, 7, 14), None, None),
                (None, date(2024, 7, 2), date(2024, 9, 1), "khong_hai_long"),
                ("H15.21.01", date(2024, 6, 14), date(2024, 7, 4), "chap_nhan"),
            ]
        )
    ]
    return Province(
        root=ROOT,
        known_on=KNOWN_AT.date(),
        first_receipt=date.min,
        agencies=[
            unit(ROOT, "province", None, None),
            unit("H15.01", "department", ROOT, long_ago),
            unit("H15.01.01", "branch", "H15.01", date(2024, 2, 1)),
            unit("H15.21", "district", ROOT, long_ago, eve),
            *(unit(f"H15.21.0{n}", "commune", "H15.21", long_ago, eve) for n in (1, 2)),
            unit("H15.21.03", "commune", "H15.21", long_ago, eve),
            unit("H15.21.03", "commune", ROOT, MERGER),
            unit("H15.21.03.01", "branch", "H15.21.03", MERGER),
            unit("H15.101", "commune", ROOT, MERGER),
        ],
        successions=[
            *(moves(f"H15.21.0{n}", "H15.101", MERGER) for n in (1, 2)),
            moves("H15.21.03", "H15.21.03", MERGER),
            moves("H15.01.01", "H15.01", date(2025, 1, 1)),
        ],
        cases=cases,
        procedures=[
            entry(1, "HT", 4, True, None, None),
            entry(2, "HT", 3, False, None, None),
            entry(3, "DD", 2, True, None, date(2024, 6, 30)),
            entry(3, "DD", 4, True, MERGER, None),
            entry(4, None, 3, True, date(2024, 3, 1), date(2024, 8, 31)),
            entry(5, "CT", 2, False, date(2024, 2, 10), None),
        ],
        certificates=[],
        points=[],
        surveys=[],
        documents=[],
        days_off=set(DAYS_OFF),
        working_saturdays={date(2024, 5, 4)},
    )


class Dice(random.Random):
    def perhaps(self, value: Any, chance: float = 0.5) -> Any:
        return value if self.random() < chance else None

    def day(self, first: date = date(2023, 11, 20), last: date = date(2024, 10, 19)) -> date:
        return self.choice(EDGES) if self.random() < 0.4 else first + timedelta(self.randrange((last - first).days))

    def stamp(self, on: date | None) -> str | None:
        return on and f"{on:%Y%m%d}{self.choice(CLOCKS)}"


def world(seed: int, size: int = 420) -> World:
    """What two one-stop systems and the portal delivered up to the moment asked for, and a little after it."""
    dice, land = Dice(seed), province()
    first = datetime(2024, 10, 1, 8)
    igate = Batch("igate", "dossier", first, True, [])
    treasury = Batch("treasury", "dossier", first, True, [])
    later = Batch("igate", "dossier", datetime(2024, 10, 20, 7), False, [])
    unknown = Batch("igate", "dossier", datetime(2024, 10, 21, 7), False, [])
    june = Batch("dvcqg", "dossier", first, True, [], "HoSo_6", "6", 1, date(2024, 6, 30), datetime(2024, 7, 1))
    old = Batch("dvcqg", "dossier", first, True, [], "HoSo_9", "9", 1, date(2024, 9, 30), datetime(2024, 9, 30))
    september = Batch(
        "dvcqg", "dossier", first, True, [], "HoSo_9_v2", "9", 2, date(2024, 9, 30), datetime(2024, 9, 30)
    )
    for number in range(size):
        code = f"H15.01-240101-{number:04d}"
        versions = _life(dice, land, code)
        home = dice.choice([igate, igate, treasury])
        if dice.random() < 0.12:  # known to both systems, under one code or two
            other = treasury if home is igate else igate
            twin = dice.choice([code, f"H15.02-240101-{number:04d}"])
            copy = dict(dice.choice(versions), ma_ho_so=twin, ma_ho_so_khac=code)
            other.rows.append(copy | _changes(dice, copy))
            if dice.random() < 0.3:
                other.rows.append({"ma_ho_so": twin, "da_xoa": "1", "ngay_cap_nhat": "20240930000000"})
        home.rows += versions
        if dice.random() < 0.05:
            gone = {"ma_ho_so": code, "da_xoa": "1", "ngay_cap_nhat": "20241001070000"}
            (home if home is not igate else dice.choice([igate, later, unknown])).rows.append(gone)
        elif home is igate and dice.random() < 0.1:
            newer = dict(versions[-1], ngay_cap_nhat="20241005080000") | _changes(dice, versions[-1])
            dice.choice([later, unknown]).rows.append(newer)
        if dice.random() < 0.55:
            shown = _on_the_portal(dice, versions[-1])
            if dice.random() < 0.3:
                shown |= {"ma_ho_so": f"G22.99-240101-{number:04d}", "ma_ho_so_khac": code}
            for file in dice.choice([(june,), (september,), (june, september), (old,)]):
                file.rows.append(shown | {"ngay_cap_nhat": f"{file.covers:%Y%m%d}235959"})
    for number in range(40):  # only on the portal
        alone = _on_the_portal(dice, _life(dice, land, f"G22.99-240202-{number:04d}")[-1])
        september.rows.append(alone | {"ngay_cap_nhat": "20240930235959"})
    batches = [igate, treasury, later, unknown, june, old, september, *_signs(dice, size, first)]
    sources = {"igate": "one_stop_api", "treasury": "one_stop_sql", "dvcqg": "portal_export", "pakn": "feedback_api"}
    for batch in batches:
        if not batch.series and batch.entity == "dossier":
            dice.shuffle(batch.rows)
    return World(land, KNOWN_AT, sources, batches)


def _life(dice: Dice, land: Province, code: str) -> list[Row]:
    received = dice.day()
    named = sorted({row["agency_code"] for row in land.agencies if land.valid(row, received)})
    unit = dice.choice(named if dice.random() < 0.9 else sorted({row["agency_code"] for row in land.agencies}))
    due = dice.perhaps(received + timedelta(dice.choice([0, 1, 5, 15, 30])), 0.85)
    status = dice.choice(["10", "10", "10", "9", "9", "7", "4", "4", "2", "5", "6", "8", "1", "3"])
    ended = received + timedelta(dice.choice([0, 0, 1, 4, 5, 6, 15, 16, 31, 45, 90]))
    ended = min(ended, date(2024, 10, 20))
    stops, sorry, fees = _lists(dice, received)
    row: Row = {
        "ma_ho_so": code,
        "ma_ho_so_khac": None,
        "ma_tthc": f"1.00000{dice.randint(1, 6)}" + dice.choice(["", ".000.00.00.H15"]),
        "ma_linh_vuc": dice.choice([None, None, None, "DD", "RIENG"]),
        "kenh_thuc_hien": dice.choice(["1", "2", "2", "2", "3"]),
        "muc_do": dice.choice([None, "2", "3", "4", "4"]),
        "don_vi_xu_ly": unit,
        "trang_thai_ho_so": status,
        "ngay_tiep_nhan": dice.stamp(received),
        "ngay_nop_ho_so": dice.perhaps(dice.stamp(received - timedelta(dice.choice([-1, 0, 0, 0, 1, 2, 3, 7]))), 0.8),
        "ngay_hen_tra_ban_dau": dice.perhaps(dice.stamp(due), 0.5),
        "ngay_hen_tra": dice.stamp(due),
        "ngay_ket_thuc_xu_ly": dice.stamp(ended)
        if status in ("7", "9", "10")
        else dice.perhaps(dice.stamp(ended), 0.2),
        "danh_sach_ho_so_bo_sung": json.dumps(stops) if stops else None,
        "danh_sach_xin_loi": json.dumps(sorry) if sorry else None,
        "danh_sach_le_phi": json.dumps(fees, ensure_ascii=False) if fees else None,
        **{flag: dice.choice([None, "0", "1"]) for flag in FLAGS},
        "muc_do_hai_long": dice.perhaps(str(dice.randint(1, 5)), 0.3),
        "la_ho_so_thu_nghiem": "1" if dice.random() < 0.02 else None,
        "ngay_cap_nhat": f"{max(ended, received):%Y%m%d}235900",
    }
    versions = [row]
    for back in range(dice.choice([0, 0, 1, 2])):  # earlier versions
        past = max(received, ended - timedelta(back + 1))
        state = dice.choice([status, "2", "4"])
        shown = dice.perhaps(dice.stamp(received + timedelta(dice.choice([0, 5, 10]))), 0.8)
        earlier = {
            "trang_thai_ho_so": state,
            "ngay_hen_tra": shown,
            "ngay_cap_nhat": f"{past:%Y%m%d}{10 - back:02d}0000",
        }
        versions.insert(0, row | earlier)
    if dice.random() < 0.1:  # the same moment delivered twice: the later in the delivery counts
        versions.append(row | _changes(dice, row))
    return versions


def _lists(dice: Dice, received: date) -> tuple[list[Row], list[Row], list[Row]]:
    stops, sorry, fees = [], [], []
    for _ in range(dice.choice([0, 0, 0, 1, 2])):
        asked = dice.perhaps(received + timedelta(dice.choice([-1, 0, 1, 3, 10])), 0.95)
        answered = dice.perhaps((asked or received) + timedelta(dice.choice([0, 1, 5, 20])), 0.7)
        moved = dice.perhaps(received + timedelta(dice.choice([3, 20, 40])), 0.6)
        dates = {"NgayBoSung": asked, "NgayTiepNhanBoSung": answered, "NgayHenTraMoi": moved}
        stops.append({key: dice.stamp(on) for key, on in dates.items() if on})
    for _ in range(dice.choice([0, 0, 1, 2])):
        said = dice.perhaps(received + timedelta(dice.choice([0, 6, 16, 32, 47, 95])), 0.9)
        sorry.append({"NgayXinLoi": dice.stamp(said)} if said else {"NgayHenTraMoi": dice.stamp(received)})
    for _ in range(dice.choice([0, 1, 2])):
        fee = {
            "Gia": dice.choice([0, 50000, "50000", "0", 12.5]),
            "HinhThucThu": dice.choice(["Thu trước", "Thu sau", "Đối tượng miễn phí", None]),
            "HinhThucThanhToan": dice.choice(["truc-tuyen", "truc-tuyen", "tien-mat", None]),
            "TrangThaiThanhToan": dice.choice(["Đã thanh toán", "Đã thanh toán", "Hoàn phí", "Chờ thanh toán"]),
        }
        fees.append({key: value for key, value in fee.items() if value is not None})
    return stops, sorry, fees


def _changes(dice: Dice, row: Row) -> Row:
    """What another copy or a correction says differently."""
    options = [
        {"kenh_thuc_hien": "1"},
        {"muc_do_hai_long": "2"},
        {"don_vi_xu_ly": "H15.01"},
        {"ngay_cap_nhat": row["ngay_cap_nhat"]},
    ]
    return dice.choice(options)


def _on_the_portal(dice: Dice, row: Row) -> Row:
    """The row that the portal shows of it: often the same, sometimes not."""
    kept = ("ma_ho_so", "ma_tthc", "don_vi_xu_ly", "kenh_thuc_hien", "ngay_nop_ho_so", "ngay_tiep_nhan", "ngay_hen_tra")
    shown = {key: row[key] for key in (*kept, "trang_thai_ho_so", "muc_do")} | {"ma_ho_so_khac": None}
    final = row["trang_thai_ho_so"] in ("7", "9", "10")
    shown["ngay_ket_thuc_xu_ly"] = row["ngay_ket_thuc_xu_ly"] if final else None
    received = datetime.strptime(row["ngay_tiep_nhan"], "%Y%m%d%H%M%S").date()
    later = dice.stamp(min(received + timedelta(dice.choice([1, 5, 30, 60])), date(2024, 9, 30)))
    odd = [
        {"ngay_hen_tra": None},
        {"ngay_hen_tra": f"{received:%Y%m%d}235959"},
        {
            "trang_thai_ho_so": "9",
            "ngay_ket_thuc_xu_ly": later if received <= date(2024, 9, 30) else row["ngay_tiep_nhan"],
        },
        {"trang_thai_ho_so": "4", "ngay_ket_thuc_xu_ly": None},
    ]
    return shown | dice.choice([{}, {}, {}, *odd])


def _signs(dice: Dice, size: int, accepted: datetime) -> list[Batch]:
    """Payments and ratings of the portal, under either code; some corrected in a later file."""

    def code() -> str:
        return f"{dice.choice(['H15.01', 'G22.99', 'H15.02'])}-240101-{dice.randrange(size):04d}"

    def payment(number: int) -> Row:
        return {
            **{"ma_giao_dich": f"GD{number}", "ma_ho_so": code(), "so_tien": "50000"},
            **{"hinh_thuc": dice.choice(["Trực tuyến", "Trực tuyến", "Tiền mặt"])},
            **{"trang_thai": dice.choice(["Thành công", "Thành công", "Thất bại", "Hoàn tiền"])},
        }

    def rating(number: int) -> Row:
        slip = {"ma_phieu": f"P{number}", "ma_ho_so": code(), "diem": str(dice.randint(1, 5))}
        return slip | {"ngay_danh_gia": dice.perhaps(dice.stamp(dice.day()), 0.9)}

    def files(entity: str, rows: list[Row], again: list[Row]) -> list[Batch]:
        may = Batch(
            "dvcqg", entity, accepted, True, rows, f"{entity}_5", "5", 1, date(2024, 5, 31), datetime(2024, 6, 1)
        )
        june = Batch(
            "dvcqg", entity, accepted, True, again, f"{entity}_6", "6", 1, date(2024, 6, 30), datetime(2024, 7, 1)
        )
        gone = Batch(
            "dvcqg", entity, accepted, True, [], f"{entity}_4", "4", 1, date(2024, 4, 30), datetime(2024, 5, 1)
        )
        gone.rows = [
            row | {key: f"X{value}" for key, value in row.items() if key in ("ma_giao_dich", "ma_phieu")}
            for row in rows[:50]
        ]
        empty = Batch(
            "dvcqg", entity, accepted, True, rows[:1], f"{entity}_4_v2", "4", 2, date(2024, 4, 30), datetime(2024, 5, 2)
        )
        return [gone, empty, may, june]

    paid, rated = [payment(n) for n in range(200)], [rating(n) for n in range(200)]
    return [
        *files("payment", paid, [row | {"trang_thai": "Hoàn tiền"} for row in paid[:30]]),
        *files("rating", rated, [row | {"diem": "1"} for row in rated[:30]]),
    ]
