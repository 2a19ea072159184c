"""From arrays to the feed's records: every field of the contract's Dossier, serialised once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from onestop.sandbox.days import DAY, NONE, Ints, Stamps
from onestop.sandbox.moments import Moments
from onestop.sandbox.people import People, person_fields
from onestop.sandbox.population import Kind, Population
from onestop.sandbox.procedures import Procedure
from onestop.sandbox.units import Unit

CHUNK = 20_000
PAID, WAITING = "Đã thanh toán", "Chờ thanh toán"
_REASON = "Hồ sơ phức tạp, cần thêm thời gian xác minh"
_WANTED = "Bổ sung giấy tờ tùy thân còn hiệu lực"


class RecordMaker:
    """Makes the present version of each dossier as a dictionary with the API's fields."""

    def __init__(
        self,
        units: list[Unit],
        procedures: list[Procedure],
        population: Population,
        times: Moments,
        people: People,
        codes: list[str],
        stamps: Stamps,
        draw: np.random.Generator,
    ) -> None:
        self._units, self._procedures, self._codes = units, procedures, codes
        self._population, self._times, self._people, self._stamps = population, times, people, stamps
        self._dice = draw.integers(0, 1 << 30, len(population))
        self._gso = units[0].gso
        communes = [u.name_vi for u in units if u.level == "commune"]
        self._addresses = [f"{name}, {units[0].name_vi.lower()[:1] + units[0].name_vi[1:]}" for name in communes]
        centre = f"{units[0].code}.01.01"
        self._receivers = [centre if u.level == "department" and not u.code.endswith(".90") else u.code for u in units]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for start in range(0, len(self._population), CHUNK):
            yield from self._chunk(slice(start, min(start + CHUNK, len(self._population))))

    def _chunk(self, part: slice) -> Iterator[dict[str, Any]]:
        times, many = self._times, self._stamps.many
        population, people = self._population, self._people
        stamps = zip(
            many(times.submitted[part]),
            many(times.received[part]),
            many(np.where(times.first_known, times.first_due, NONE)[part]),
            many(times.shown[part]),
            many(times.finished[part]),
            many(times.handed[part]),
            many(times.rated[part]),
            many(times.changed[part]),
            strict=True,
        )
        attributes = zip(
            self._codes[part],
            population.kind[part].tolist(),
            population.unit[part].tolist(),
            population.procedure[part].tolist(),
            population.times.status[part].tolist(),
            population.times.online[part].tolist(),
            self._dice[part].tolist(),
            zip(*(a[part].tolist() for a in vars(people).values()), strict=True),
            times.stopped[part].tolist(),
            times.apologised[part].tolist(),
            range(part.start, part.stop),
            strict=True,
        )
        for stamp, attribute in zip(stamps, attributes, strict=True):
            yield self._record(stamp, *attribute)

    def _record(
        self,
        stamp: tuple[str | None, ...],
        code: str,
        kind: int,
        unit: int,
        procedure: int,
        status: int,
        online: bool,
        dice: int,
        person: tuple[int, ...],
        stopped: int,
        apologised: int,
        i: int,
    ) -> dict[str, Any]:
        submitted, received, first_due, due, finished, handed, rated, changed = stamp
        about = self._procedures[procedure]
        place = self._units[unit]
        refused, fresh = kind == Kind.REFUSED, kind == Kind.NEW
        if refused or fresh:
            status = 3 if refused else 1
            received = received if refused and dice & 1 else None
            first_due = due = finished = handed = rated = None
        counted = finished is not None and status != 7
        return {
            "MaHoSo": code,
            "MaHoSoKhac": f"G22.99-{code.rpartition('-')[0][-6:]}-{i:06d}" if online and dice % 9 == 0 else None,
            "MaTTHC": about.code if dice % 3 else f"{about.code}.000.00.00.{place.code[:3]}",
            "TenTTHC": about.name,
            "MaLinhVuc": about.field_code,
            "TenLinhVuc": about.field_name,
            "KenhThucHien": "2" if online else "1" if dice % 12 else "3",
            "MucDo": str(about.level),
            "NoiNopHoSo": "1" if online and dice % 5 < 2 else "2",
            "DonViTiepNhan": self._receivers[unit],
            "DonViXuLy": place.code,
            **person_fields(*person, self._gso, self._addresses[dice % len(self._addresses)], about.name),  # type: ignore[call-arg, arg-type]
            "NgayNopHoSo": submitted,
            "NgayTiepNhan": received,
            "NgayHenTraBanDau": first_due,
            "NgayHenTra": due,
            "NgayKetThucXuLy": finished,
            "NgayTra": handed,
            "NgayTuChoi": changed if refused else None,
            "TrangThaiHoSo": str(status),
            "DanhSachHoSoBoSung": self._supplements(i) if stopped != NONE and not (refused or fresh) else [],
            "DanhSachXinLoi": self._apologies(i) if apologised != NONE and not (refused or fresh) else [],
            "DanhSachLePhi": self._fees(about, dice, online, received, counted),
            "HoSoCoThanhPhanSoHoa": "1" if online or dice % 10 < 7 else "0",
            "DuocTaiSuDung": "1" if dice % 11 < 4 else "0",
            "KetQuaDienTu": ("1" if dice % 13 < 9 else "0") if counted else None,
            "TaiKhoanDuocXacThucVoiVNeID": ("1" if dice % 17 < 15 else "0") if online else None,
            "ChungThucBanSaoDienTu": "1" if about.field_code == "CT" and dice % 19 < 3 else None,
            "MucDoHaiLong": None if rated is None else "5" if dice % 23 < 17 else "4" if dice % 29 < 25 else "3",
            "NgayDanhGia": rated,
            "LaHoSoThuNghiem": "1" if kind == Kind.TEST else "0" if dice % 7 else None,
            "LoaiDuLieuKetNoi": "Convert" if kind == Kind.BEFORE and dice % 4 == 0 else None,
            "DaXoa": None,
            "NgayCapNhat": changed,
        }

    def _supplements(self, i: int) -> list[dict[str, str | None]]:
        times, one = self._times, self._stamps.one
        stopped, resumed = int(times.stopped[i]), int(times.resumed[i])
        first, due = int(times.first_due[i]), int(times.due[i])
        if resumed == NONE:
            return [_supplement(one(stopped), None, one(first), None)]
        moved = one(due) if due != first else None
        middle = (first + due) // 2 // DAY * DAY + due % DAY
        finished = self._population.times.finished[i]
        # Some were asked for papers twice; only where the whole stop lies well before the end.
        if due - first >= 3 * DAY and resumed - stopped > DAY and finished != NONE and i % 5 == 0:
            pause = (stopped + resumed) // 2
            return [
                _supplement(one(stopped), one(pause), one(first), one(middle)),
                _supplement(one(pause + 60), one(resumed), one(middle), moved),
            ]
        return [_supplement(one(stopped), one(resumed), one(first), moved)]

    def _apologies(self, i: int) -> list[dict[str, str | None]]:
        at, due = int(self._times.apologised[i]), int(self._times.shown[i])
        return [{"NgayXinLoi": self._stamps.one(at), "LyDo": _REASON, "NgayHenTraMoi": self._stamps.one(due)}]

    def _fees(
        self, about: Procedure, dice: int, online: bool, received: str | None, counted: bool
    ) -> list[dict[str, Any]]:
        if not about.fee:
            return []
        if dice % 31 == 0:
            return [_fee(about, 0, "Đối tượng miễn phí", None, None, None, None)]
        way = "truc-tuyen" if online and dice % 37 < 30 else "chuyen-khoan" if dice % 41 < 5 else "tien-mat"
        paid = counted or dice % 43 < 30
        price: int | str = str(about.fee) if dice % 47 == 0 else about.fee
        number = f"GD{dice:010d}" if paid and way == "truc-tuyen" else None
        when = received if paid else None
        state = "Hoàn phí" if dice % 997 == 0 else PAID if paid else WAITING
        return [_fee(about, price, "Thu trước" if dice % 3 else "Thu sau", way, state, when, number)]


def _supplement(asked: str | None, came: str | None, before: str | None, after: str | None) -> dict[str, str | None]:
    return {
        "NgayBoSung": asked,
        "NgayTiepNhanBoSung": came,
        "NgayHenTraTruoc": before,
        "NgayHenTraMoi": after,
        "NoiDungBoSung": _WANTED,
    }


def _fee(
    about: Procedure,
    price: int | str,
    when: str,
    way: str | None,
    state: str | None,
    paid: str | None,
    number: str | None,
) -> dict[str, Any]:
    return {
        "MaPhiLePhi": f"LP-{about.field_code}",
        "Gia": price,
        "HinhThucThu": when,
        "HinhThucThanhToan": way,
        "TrangThaiThanhToan": state,
        "NgayThanhToan": paid,
        "MaGiaoDich": number,
    }


def dossier_codes(
    unit_codes: list[str], unit: Ints, day: Ints, old_form: np.ndarray[Any, Any], stamps: Stamps
) -> list[str]:
    """Dossier codes, numbered from 1 per unit and day; `old_form` ones as Circular 01/2018 wrote them."""
    series = (unit * 2 + old_form) * 100_000 + day
    order = np.argsort(series, kind="stable")
    sorted_series = series[order]
    starts = np.flatnonzero(np.r_[True, sorted_series[1:] != sorted_series[:-1]])
    number = np.empty(len(series), np.int64)
    lengths = np.diff(np.r_[starts, len(series)])
    number[order] = np.arange(len(series)) - np.repeat(starts, lengths) + 1
    dates = [(stamp or "")[2:8] for stamp in stamps.many(day * DAY)]
    prefixes = [(code, _old_code(code)) for code in unit_codes]
    return [
        f"{prefixes[u][old]}-{date}-{n:04d}"
        for u, old, date, n in zip(
            unit.tolist(), old_form.astype(np.int64).tolist(), dates, number.tolist(), strict=True
        )
    ]


def _old_code(code: str) -> str:
    """H15.21.03 as 000.03.21.H15: levels from the lowest to the highest."""
    parts = code.split(".")
    return ".".join(["000", *(["00"] * (3 - len(parts))), *reversed(parts)])
