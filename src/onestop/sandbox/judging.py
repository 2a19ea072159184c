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

DOSSIER = re.compile(r"(?:\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.\d{2,3}){0,3})-(\d{6})-\d{4,6}", re.ASCII)
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
        """The quarantine rules that the record breaks, in the table's order."""
        rules: list[str] = []
        dossier = code(record.get("MaHoSo"))
        if dossier is None or not DOSSIER.fullmatch(dossier):
            rules.append("OS-001")
        if text(record.get("DaXoa")) == "1":
            return rules
        status = text(record.get("TrangThaiHoSo"))
        received, changed, ended = (text(record.get(n)) for n in ("NgayTiepNhan", "NgayCapNhat", "NgayKetThucXuLy"))
        known = {name: value for name in DATES if (value := text(record.get(name))) is not None}
        unreadable = {name for name, value in known.items() if not readable(value)}
        procedure = code(record.get("MaTTHC"))
        if procedure is None or not PROCEDURE.fullmatch(procedure):
            rules.append("OS-002")
        if status not in STATUSES:
            rules.append("OS-003")
        if text(record.get("KenhThucHien")) not in ("1", "2", "3"):
            rules.append("OS-004")
        if received is None and status not in ("1", "3"):
            rules.append("OS-005")
        if changed is None or unreadable or not self._lists_readable(record):
            rules.append("OS-006")
        first = "NgayHenTraBanDau" if "NgayHenTraBanDau" in known else "NgayHenTra"
        good = {name: value for name, value in known.items() if name not in unreadable}
        if good.get("NgayTiepNhan", "") > self._latest:
            rules.append("OS-007")
        if good.get("NgayKetThucXuLy", "") > self._latest:
            rules.append("OS-008")
        if _earlier(good, "NgayKetThucXuLy", "NgayTiepNhan"):
            rules.append("OS-009")
        if ended is None and status in FINAL:
            rules.append("OS-010")
        if not self._stands(code(record.get("DonViXuLy")), good.get("NgayTiepNhan"), good.get("NgayCapNhat")):
            rules.append("OS-011")
        if _earlier(good, first, "NgayTiepNhan"):
            rules.append("OS-018")
        if not _values_fit(record):
            rules.append("OS-019")
        return rules

    def warned(self, record: Mapping[str, Any]) -> list[str]:
        """The warning rules that an accepted record breaks; OS-015 needs more than one record and is not among them."""
        rules: list[str] = []
        if text(record.get("DaXoa")) == "1":
            return rules
        if text(record.get("NgayHenTra")) is None:
            rules.append("OS-012")
        if text(record.get("MucDo")) == "2" and text(record.get("KenhThucHien")) == "2":
            rules.append("OS-013")
        found = DOSSIER.fullmatch(code(record.get("MaHoSo")) or "")
        days = [(text(record.get(name)) or "")[2:8] for name in ("NgayNopHoSo", "NgayTiepNhan")]
        if not found or found[1] not in days:
            rules.append("OS-014")
        if (code(record.get("MaTTHC")) or "")[:8] not in self._procedures:
            rules.append("OS-016")
        if _legacy(record.get("TenTTHC") or "") or _legacy(record.get("TenLinhVuc") or ""):
            rules.append("OS-017")
        return rules

    def _lists_readable(self, record: Mapping[str, Any]) -> bool:
        for name, dates in LIST_DATES.items():
            for item in record.get(name) or ():
                if any(not readable(v) for d in dates if (v := text(item.get(d))) is not None):
                    return False
        return True

    def _stands(self, unit: str | None, received: str | None, changed: str | None) -> bool:
        spans = self._validity.get(unit or "")
        if not spans:
            return False
        low, high = (received or changed or "")[:8], (changed or received or "99999999")[:8]
        return any(start <= high and low <= end for start, end in spans)


def _earlier(dates: Mapping[str, str], name: str, other: str) -> bool:
    """Whether both are there and the first lies on an earlier day."""
    one, two = dates.get(name), dates.get(other)
    return one is not None and two is not None and one[:8] < two[:8]


def _values_fit(record: Mapping[str, Any]) -> bool:
    rating = text(record.get("MucDoHaiLong"))
    if rating is not None and rating not in ("1", "2", "3", "4", "5"):
        return False
    for fee in record.get("DanhSachLePhi") or ():
        price = text(fee.get("Gia"))
        if isinstance(price, str):
            if not PRICE.fullmatch(price):
                return False
        elif isinstance(price, bool) or not isinstance(price, (int, float)) or price < 0:
            return False
    return True
