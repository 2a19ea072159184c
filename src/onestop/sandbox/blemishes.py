"""Rows that a quarantine rule must refuse: for each rule, ways to spoil a clean record that no other rule notices.

Each function changes a clean, finished record (status 9 or 10, first appointment given) in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """What spoiling needs to know of the world, as stamps and codes.

    Attributes:
        soon: later than any acceptable moment, on the day of `now`, if that day is long enough.
        now: the moment of the feed's last change.
        retired: a unit that no longer exists.
    """

    soon: str
    now: str
    retired: str


def _set(**values: Any) -> Callable[[Record, Place], None]:
    def change(record: Record, _: Place) -> None:
        record.update(values)

    return change


def _undated_code(record: Record, _: Place) -> None:
    record["MaHoSo"] = record["MaHoSo"].rpartition("-")[0]


def _paper_number(record: Record, _: Place) -> None:
    record["MaHoSo"] = "HS " + record["MaHoSo"].rpartition("-")[2] + "/UBND"


def _as_number(record: Record, _: Place) -> None:
    record["MaTTHC"] = record["MaTTHC"][:6]  # what a spreadsheet leaves of 1.012700


def _received_soon(record: Record, place: Place) -> None:
    record.update(NgayTiepNhan=place.soon, NgayCapNhat=place.now, TrangThaiHoSo="4", NgayHenTraBanDau=None)
    record.update(NgayHenTra=None, NgayKetThucXuLy=None, NgayTra=None, MucDoHaiLong=None, NgayDanhGia=None)


def _finished_in_years(record: Record, _: Place) -> None:
    record["NgayKetThucXuLy"] = str(int(record["NgayKetThucXuLy"][:4]) + 10) + "0601100000"
    record["NgayTra"] = None


def _finished_before(record: Record, _: Place) -> None:
    record["NgayKetThucXuLy"] = str(int(record["NgayTiepNhan"][:4]) - 1) + "1105150000"
    record["NgayTra"] = None


def _due_before(record: Record, _: Place) -> None:
    early = str(int(record["NgayTiepNhan"][:4]) - 1) + "1220170000"
    record["NgayHenTraBanDau" if record["NgayHenTraBanDau"] else "NgayHenTra"] = early


def _only_due_before(record: Record, _: Place) -> None:
    record.update(NgayHenTraBanDau=None, NgayHenTra=str(int(record["NgayTiepNhan"][:4]) - 1) + "1220170000")


def _no_such_moment(record: Record, _: Place) -> None:
    # Day 00 sorts before its month's other days: no feed's range that holds them leaves it out.
    record["NgayCapNhat"] = record["NgayCapNhat"][:6] + "00" + record["NgayCapNhat"][8:]


def _with_slashes(record: Record, _: Place) -> None:
    day = record["NgayKetThucXuLy"]
    record["NgayKetThucXuLy"] = f"{day[6:8]}/{day[4:6]}/{day[:4]}"


def _bad_supplement(record: Record, _: Place) -> None:
    day = record["NgayTiepNhan"]
    record["DanhSachHoSoBoSung"] = [
        {
            "NgayBoSung": day[:4] + "0230" + day[8:],
            "NgayTiepNhanBoSung": None,
            "NgayHenTraTruoc": None,
            "NgayHenTraMoi": None,
            "NoiDungBoSung": None,
        }
    ]


def _retired_unit(record: Record, place: Place) -> None:
    record["DonViXuLy"] = place.retired


def _fee(price: Any) -> Callable[[Record, Place], None]:
    def change(record: Record, _: Place) -> None:
        record["DanhSachLePhi"] = [{"MaPhiLePhi": "LP01", "Gia": price, "HinhThucThu": "Thu trước"}]

    return change


SPOILERS: dict[str, tuple[Callable[[Record, Place], None], ...]] = {
    "OS-001": (_undated_code, _paper_number, _set(MaHoSo="")),
    "OS-002": (_as_number, _set(MaTTHC="1012790"), _set(MaTTHC="2.002307.000.00.00"), _set(MaTTHC=None)),
    "OS-003": (_set(TrangThaiHoSo="11"), _set(TrangThaiHoSo="0"), _set(TrangThaiHoSo="")),
    "OS-004": (_set(KenhThucHien="9"), _set(KenhThucHien="0"), _set(KenhThucHien=" ")),
    "OS-005": (_set(NgayTiepNhan=None), _set(NgayTiepNhan="")),
    "OS-006": (
        _with_slashes,
        _no_such_moment,
        _bad_supplement,
        _set(NgayTiepNhan="20240230091500"),
        _set(NgayHenTra="0000-00-00"),
    ),
    "OS-007": (_received_soon,),
    "OS-008": (_finished_in_years,),
    "OS-009": (_finished_before,),
    "OS-010": (_set(NgayKetThucXuLy=None), _set(NgayKetThucXuLy="", TrangThaiHoSo="7", NgayTra=None)),
    "OS-011": (_set(DonViXuLy="H99.77"), _retired_unit, _set(DonViXuLy=None)),
    "OS-018": (_due_before, _only_due_before),
    "OS-019": (_set(MucDoHaiLong="6"), _set(MucDoHaiLong="Rất hài lòng"), _fee(-5000), _fee("một trăm nghìn")),
    "OS-003+OS-004": (_set(TrangThaiHoSo="99", KenhThucHien="7"),),
    "OS-005+OS-010": (_set(NgayTiepNhan=None, NgayKetThucXuLy=None, NgayTra=None),),
}
"""By rule, or by rules that fail together."""

FRESH_ONLY = frozenset({"OS-001", "OS-007"})
"""Rules whose rows cannot be a version of a dossier that is good otherwise."""


def spoil(record: Record, rules: str, turn: int, place: Place) -> Record:
    """A copy of a clean record that breaks exactly `rules`; `turn` chooses between the ways to do it."""
    spoiled = dict(record)
    ways = SPOILERS[rules]
    ways[turn % len(ways)](spoiled, place)
    return spoiled
