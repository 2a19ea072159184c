"""The row rules of the contract, read once more: what must be quarantined, what is warned of.

Written from the contract's table alone, in plain Python. It shares nothing with the expectations that the pipeline
judges by, so that the two can be held against each other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

DOSSIER = re.compile(r"(?:\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.\d{2,3}){0,3})-\d{6}-\d{4,6}", re.ASCII)
PROCEDURE = re.compile(r"\d\.\d{6}(\.\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}(\.\d{2,3})?)?", re.ASCII)
PRICE = re.compile(r"\d+(\.\d+)?", re.ASCII)
# Characters that TCVN3 and VNI fonts put in the place of Vietnamese letters, and that Vietnamese never uses.
LEGACY = re.compile("[\u00a1-\u00bfÑ]")
DATES = (
    "NgayNopHoSo",
    "NgayTiepNhan",
    "NgayHenTraBanDau",
    "NgayHenTra",
    "NgayKetThucXuLy",
    "NgayTra",
    "NgayTuChoi",
    "NgayDanhGia",
    "NgayCapNhat",
)
LIST_DATES = {
    "DanhSachHoSoBoSung": ("NgayBoSung", "NgayTiepNhanBoSung", "NgayHenTraTruoc", "NgayHenTraMoi"),
    "DanhSachXinLoi": ("NgayXinLoi", "NgayHenTraMoi"),
    "DanhSachLePhi": ("NgayThanhToan",),
}
STATUSES = frozenset(str(n) for n in range(1, 11))
FINAL = frozenset(("7", "9", "10"))


CODES = ("MaHoSo", "MaHoSoKhac", "MaTTHC", "DonViXuLy")
TEXTS = (*DATES, "TrangThaiHoSo", "KenhThucHien", "MucDo", "MucDoHaiLong", "LaHoSoThuNghiem", "DaXoa")


@dataclass(frozen=True)
class AgencyRow:
    """One row of agencies.csv as the counter needs it; dates are ISO days, '' is open."""

    code: str
    parent: str
    valid_from: str
    valid_to: str


def text(value: Any) -> Any:
    """A text trimmed and in NFC, None if nothing is left; other values as they are."""
    if not isinstance(value, str):
        return value
    trimmed = value.strip()
    return (trimmed if trimmed.isascii() else unicodedata.normalize("NFC", trimmed)) or None


def code(value: Any) -> str | None:
    """A code: NFC, upper case, without blanks; None if nothing is left."""
    if value is None:
        return None
    written = str(value)
    if not written.isascii():
        written = unicodedata.normalize("NFC", written)
    return "".join(written.split()).upper() or None


def tidied(record: Mapping[str, Any]) -> dict[str, Any]:
    """What judging and counting look at, cleaned once: codes, texts, dates, and the lists as they are."""
    made: dict[str, Any] = {name: code(record.get(name)) for name in CODES}
    made.update((name, text(record.get(name))) for name in TEXTS)
    made.update((name, record.get(name) or ()) for name in LIST_DATES)
    made["titles"] = (record.get("TenTTHC") or "", record.get("TenLinhVuc") or "")
    return made


@lru_cache(maxsize=100_000)
def _is_day(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def readable(value: Any) -> bool:
    """Whether the value is 14 digits and a real moment."""
    return (
        isinstance(value, str)
        and len(value) == 14
        and value.isascii()
        and value.isdigit()
        and _is_day(value[:8])
        and value[8:10] < "24"
        and value[10:12] < "60"
        and value[12:] < "60"
    )


@lru_cache(maxsize=10_000)
def _legacy(title: str) -> bool:
    return LEGACY.search(title) is not None


class Judge:
    """Judges one record at a time.

    Args:
        agencies: the rows of agencies.csv.
        procedures: the codes of procedures.csv.
        as_of: what "now" is.
    """

    def __init__(self, agencies: Iterable[AgencyRow], procedures: Iterable[str], as_of: datetime) -> None:
        self._latest = (as_of.replace(tzinfo=None) + timedelta(hours=1)).strftime("%Y%m%d%H%M%S")
        self._procedures = frozenset(procedures)
        self._validity: dict[str, list[tuple[str, str]]] = {}
        for row in agencies:
            span = row.valid_from.replace("-", ""), row.valid_to.replace("-", "") or "99999999"
            self._validity.setdefault(row.code, []).append(span)

    def failed(self, record: Mapping[str, Any]) -> list[str]:
        """The quarantine rules that a tidied record breaks, in the table's order."""
        rules: list[str] = []
        if record["MaHoSo"] is None or not DOSSIER.fullmatch(record["MaHoSo"]):
            rules.append("OS-001")
        if record["DaXoa"] == "1":
            return rules
        status = record["TrangThaiHoSo"]
        known = {name: record[name] for name in DATES if record[name] is not None}
        good = {name: value for name, value in known.items() if readable(value)}
        if record["MaTTHC"] is None or not PROCEDURE.fullmatch(record["MaTTHC"]):
            rules.append("OS-002")
        if status not in STATUSES:
            rules.append("OS-003")
        if record["KenhThucHien"] not in ("1", "2", "3"):
            rules.append("OS-004")
        if "NgayTiepNhan" not in known and status not in ("1", "3"):
            rules.append("OS-005")
        if "NgayCapNhat" not in known or len(good) < len(known) or not _lists_readable(record):
            rules.append("OS-006")
        if good.get("NgayTiepNhan", "") > self._latest:
            rules.append("OS-007")
        if good.get("NgayKetThucXuLy", "") > self._latest:
            rules.append("OS-008")
        if _earlier(good, "NgayKetThucXuLy", "NgayTiepNhan"):
            rules.append("OS-009")
        if "NgayKetThucXuLy" not in known and status in FINAL:
            rules.append("OS-010")
        if not self._stands(record["DonViXuLy"], good.get("NgayTiepNhan"), good.get("NgayCapNhat")):
            rules.append("OS-011")
        if _earlier(good, "NgayHenTraBanDau" if "NgayHenTraBanDau" in known else "NgayHenTra", "NgayTiepNhan"):
            rules.append("OS-018")
        if not _values_fit(record):
            rules.append("OS-019")
        return rules

    def warned(self, record: Mapping[str, Any]) -> list[str]:
        """The warning rules that a tidied, accepted record breaks.

        OS-015 needs more than one record and is not among them.
        """
        rules: list[str] = []
        if record["DaXoa"] == "1":
            return rules
        if record["NgayHenTra"] is None:
            rules.append("OS-012")
        if record["MucDo"] == "2" and record["KenhThucHien"] == "2":
            rules.append("OS-013")
        dated = record["MaHoSo"].partition("-")[2][:6]
        if dated not in [(record[name] or "")[2:8] for name in ("NgayNopHoSo", "NgayTiepNhan")]:
            rules.append("OS-014")
        if record["MaTTHC"][:8] not in self._procedures:
            rules.append("OS-016")
        if any(_legacy(title) for title in record["titles"]):
            rules.append("OS-017")
        return rules

    def _stands(self, unit: str | None, received: str | None, changed: str | None) -> bool:
        spans = self._validity.get(unit or "")
        if not spans:
            return False
        low, high = (received or changed or "")[:8], (changed or received or "99999999")[:8]
        return any(start <= high and low <= end for start, end in spans)


def _lists_readable(record: Mapping[str, Any]) -> bool:
    for name, dates in LIST_DATES.items():
        for item in record[name]:
            if any(not readable(v) for d in dates if (v := text(item.get(d))) is not None):
                return False
    return True


def _earlier(dates: Mapping[str, str], name: str, other: str) -> bool:
    """Whether both are there and the first lies on an earlier day."""
    one, two = dates.get(name), dates.get(other)
    return one is not None and two is not None and one[:8] < two[:8]


def _values_fit(record: Mapping[str, Any]) -> bool:
    if record["MucDoHaiLong"] not in (None, "1", "2", "3", "4", "5"):
        return False
    for fee in record["DanhSachLePhi"]:
        price = text(fee.get("Gia"))
        if isinstance(price, str):
            if not PRICE.fullmatch(price):
                return False
        elif isinstance(price, bool) or not isinstance(price, (int, float)) or price < 0:
            return False
    return True
