"""Counts the metrics of dossiers by hand: plain Python over the rows as delivered.

Written from contracts/metrics.md and docs/metrics.md alone; it shares no line and no thought with the SQL. Slow and
obvious: every figure looks at every dossier of its unit, period and field. Units, periods and what is counted without
dossiers: recount.py.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from recount import DAY, Province, Row, Span

NEVER = date.max
OFFICE = ((7 * 3600, 11 * 3600 + 1800), (13 * 3600 + 1800, 17 * 3600))


@dataclass
class Batch:
    """A delivery of a one-stop system, or a file of the portal (with series, version, covers and modified)."""

    source: str
    entity: str
    accepted: datetime
    first_load: bool
    rows: list[Row]
    name: str = ""
    series: str = ""
    version: int = 1
    covers: date = NEVER
    modified: datetime = datetime.min
    number: int = 0


@dataclass
class World:
    """A province with everything that was delivered; sources in the order of province.yml."""

    province: Province
    known_at: datetime
    sources: dict[str, str]
    batches: list[Batch]

    def known(self, batch: Batch, updated: datetime) -> bool:
        known_from = min(batch.accepted, updated) if batch.first_load else batch.accepted
        return known_from <= self.known_at

    def files(self, entity: str) -> list[Batch]:
        """The portal's files in force, the one that decides last at the end."""
        files = [b for b in self.batches if b.series and b.entity == entity]
        files = [b for b in files if self.known(b, datetime.combine(b.covers, datetime.max.time()))]
        last = {b.series: max(f.version for f in files if f.series == b.series) for b in files}
        return sorted((b for b in files if b.version == last[b.series]), key=lambda b: (b.covers, b.modified, b.name))


def moment(stamp: str | None) -> datetime | None:
    return datetime.strptime(stamp, "%Y%m%d%H%M%S") if stamp else None


def day(stamp: str | None) -> date | None:
    found = moment(stamp)
    return found and found.date()


def items(row: Row, column: str) -> list[Row]:
    return json.loads(row[column]) if row.get(column) else []


@dataclass
class Dossier:
    """A dossier that counts. Dates that never come are NEVER."""

    row: Row
    is_portal: bool
    received: date
    finished: date
    due: date | None
    suspended_from: date
    field: str
    level: int | None
    days: int | None
    seconds: int | None
    shown: Row | None
    paid: bool
    rating: int | None
    chains: dict[str, list[str]] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return int(self.row["trang_thai_ho_so"])

    @property
    def online(self) -> bool:
        return bool(self.row["kenh_thuc_hien"] == "2")

    @property
    def procedure(self) -> str:
        return ".".join(str(self.row["ma_tthc"]).split(".")[:2])

    def flag(self, column: str) -> bool:
        return self.row.get(column) == "1"

    def outcome(self) -> str:
        if self.status == 7 or self.due is None or self.finished == self.due:
            return "on_time"
        return "early" if self.finished < self.due else "overdue"

    def has_fee(self) -> bool:
        lines = items(self.row, "danh_sach_le_phi")
        return any(float(line["Gia"]) > 0 and line.get("HinhThucThu") != "Đối tượng miễn phí" for line in lines)

    def is_suspended(self, on: date) -> bool:
        if self.suspended_from <= on:
            return True
        for stop in items(self.row, "danh_sach_ho_so_bo_sung"):
            asked, answered = day(stop.get("NgayBoSung")), day(stop.get("NgayTiepNhanBoSung"))
            if asked and asked <= on and (answered is None or answered > on):
                return True
        return False

    def apologised(self, by: date) -> bool:
        said = [day(item.get("NgayXinLoi")) for item in items(self.row, "danh_sach_xin_loi")]
        return any(on is not None and on <= by for on in said)

    def agrees(self, at: date) -> bool:
        assert self.shown is not None
        other = self.shown
        ended = day(other["ngay_ket_thuc_xu_ly"]) if other["trang_thai_ho_so"] in ("7", "9", "10") else None
        if day(other["ngay_tiep_nhan"]) != self.received:
            return False
        if day(other["ngay_hen_tra"]) != day(self.row["ngay_hen_tra"]):
            return False
        resolved = self.finished <= at
        return resolved == (ended is not None and ended <= at) and (not resolved or ended == self.finished)


def _versions(world: World) -> dict[tuple[str, str], list[tuple[datetime, int, int, Row, bool]]]:
    """Source and code -> known versions in the order in which they hold: moment, delivery, row, content, portal."""
    found = defaultdict(list)
    for order, batch in enumerate(world.batches):
        for number, row in enumerate(batch.rows, 1):
            updated = moment(row.get("ngay_cap_nhat"))
            if batch.entity == "dossier" and not batch.series and updated and world.known(batch, updated):
                found[batch.source, row["ma_ho_so"]].append((updated, order, number, row, False))
    for order, batch in enumerate(world.files("dossier")):
        for number, row in enumerate(batch.rows, 1):
            updated = moment(row["ngay_cap_nhat"])
            assert updated is not None
            found[batch.source, row["ma_ho_so"]].append((updated, order, number, row, True))
    return {key: sorted(versions, key=lambda v: v[:3]) for key, versions in found.items()}


def _groups(versions: Iterable[Row]) -> dict[str, str]:
    """Code -> the name of its dossier."""
    name: dict[str, str] = {}
    for row in versions:
        codes = [row["ma_ho_so"], row.get("ma_ho_so_khac") or row["ma_ho_so"]]
        old = {name.get(code, code) for code in codes}
        best = min(old)
        for code in codes:
            name.setdefault(code, best)
        name.update({code: best for code, group in name.items() if group in old})
    return name


def dossiers(world: World) -> list[Dossier]:
    """What counts, of all that was delivered."""
    versions = _versions(world)
    name = _groups(v[3] for history in versions.values() for v in history)
    copies: dict[str, list[tuple[str, list[Any]]]] = defaultdict(list)
    for (source, code), history in versions.items():
        copies[name.get(code, code)].append((source, history))
    order = list(world.sources)
    payments = _payments(world, name)
    ratings = _ratings(world, name)
    found = []
    for group, all_copies in copies.items():
        own = [(s, h) for s, h in all_copies if not h[-1][4]]
        shown = [(s, h) for s, h in all_copies if h[-1][4]]
        there = max(shown, key=lambda c: c[1][-1][1:3])[1][-1][3] if shown else None
        alive = [(s, h) for s, h in own if h[-1][3].get("da_xoa") != "1"]
        if own and not alive:
            continue
        if own:
            _, history = max(alive, key=lambda c: (c[1][-1][0], -order.index(c[0]), c[1][-1][1:3]))
        else:
            history = max(shown, key=lambda c: c[1][-1][1:3])[1]
        row, is_portal = history[-1][3], history[-1][4]
        if row["trang_thai_ho_so"] in ("1", "3") or row.get("la_ho_so_thu_nghiem") == "1":
            continue
        found.append(_dossier(world, history, row, is_portal, there, group in payments, ratings.get(group)))
    return found


def _dossier(
    world: World, history: list[Any], row: Row, is_portal: bool, there: Row | None, paid: bool, stars: int | None
) -> Dossier:
    province, status = world.province, row["trang_thai_ho_so"]
    received = day(row["ngay_tiep_nhan"])
    assert received is not None
    finished = day(row.get("ngay_ket_thuc_xu_ly")) if status in ("7", "9", "10") else None
    past = [v[3] for v in history if v[3].get("da_xoa") != "1"]
    # Of versions with one moment the last in the delivery is the one there was.
    moments = {v["ngay_cap_nhat"]: v for v in past}
    past = [moments[stamp] for stamp in sorted(moments)]
    stops = items(row, "danh_sach_ho_so_bo_sung")
    shown_first = row["ngay_hen_tra"] if is_portal else row.get("ngay_hen_tra_ban_dau") or past[0].get("ngay_hen_tra")
    first = day(shown_first)
    dues = [d for d in (first, *(day(stop.get("NgayHenTraMoi")) for stop in stops)) if d]
    suspended_from = NEVER
    if status in ("6", "8") or (status == "5" and not stops):
        run = len(past) - 1
        while run and past[run - 1]["trang_thai_ho_so"] == status:
            run -= 1
        suspended_from = day(past[run]["ngay_cap_nhat"]) or NEVER
    entry = _entry(province, ".".join(row["ma_tthc"].split(".")[:2]), received)
    lines = items(row, "danh_sach_le_phi")
    paid_here = any(
        line.get("HinhThucThanhToan") == "truc-tuyen" and line.get("TrangThaiThanhToan") == "Đã thanh toán"
        for line in lines
    )
    submitted, taken = moment(row.get("ngay_nop_ho_so")), moment(row["ngay_tiep_nhan"])
    assert taken is not None
    dossier = Dossier(
        row=row,
        is_portal=is_portal,
        received=received,
        finished=finished or NEVER,
        due=max(dues) if dues else None,
        suspended_from=suspended_from,
        field=row.get("ma_linh_vuc") or (entry or {}).get("field_code") or "?",
        level=entry["service_level"] if entry else None,
        days=_processing_days(province, received, finished, stops) if finished else None,
        seconds=_office_seconds(province, submitted, taken) if submitted else None,
        shown=there,
        paid=paid or paid_here,
        rating=int(row["muc_do_hai_long"]) if row.get("muc_do_hai_long") else stars,
    )
    unit = {"agency_code": row["don_vi_xu_ly"]}
    dossier.chains = {view: province.belongs(unit, view, received, received) for view in ("as_was", "as_is")}
    return dossier


def _entry(province: Province, procedure: str, on: date) -> Row | None:
    """The catalogue's entry of the day, else the nearest."""
    rows = [row for row in province.procedures if row["procedure_code"] == procedure]

    def away(row: Row) -> tuple[int, date]:
        first, last = row["valid_from"] or date.min, row["valid_to"] or date.max
        return max((first - on).days, (on - last).days, 0), first

    return min(rows, key=away) if rows else None


def _works(province: Province, on: date) -> bool:
    return province.working_days(on - DAY, on) == 1


def _processing_days(province: Province, received: date, finished: date, stops: list[Row]) -> int:
    days = {received + DAY * n for n in range(1, (finished - received).days + 1)}
    for stop in stops:
        asked, answered = day(stop.get("NgayBoSung")), day(stop.get("NgayTiepNhanBoSung")) or finished
        if asked:
            days -= {d for d in days if asked < d <= answered}
    return sum(_works(province, d) for d in days)


def _office_seconds(province: Province, begin: datetime, end: datetime) -> int:
    total, on = 0, begin.date()
    while on <= end.date():
        if _works(province, on):
            midnight = datetime.combine(on, datetime.min.time())
            for opens, closes in OFFICE:
                first = max(begin, midnight + timedelta(seconds=opens))
                last = min(end, midnight + timedelta(seconds=closes))
                total += max(0, int((last - first).total_seconds()))
        on += DAY
    return total


def _payments(world: World, name: dict[str, str]) -> set[str]:
    shown = {row["ma_giao_dich"]: row for file in world.files("payment") for row in file.rows}
    return {
        name.get(row["ma_ho_so"], row["ma_ho_so"])
        for row in shown.values()
        if (row["hinh_thuc"], row["trang_thai"]) == ("Trực tuyến", "Thành công")
    }


def _ratings(world: World, name: dict[str, str]) -> dict[str, int]:
    shown: dict[str, tuple[int, Row]] = {}
    for order, file in enumerate(world.files("rating")):
        shown.update({row["ma_phieu"]: (order, row) for row in file.rows})
    found: dict[str, tuple[tuple[str, int], int]] = {}
    for order, row in shown.values():
        group, when = name.get(row["ma_ho_so"], row["ma_ho_so"]), (row["ngay_danh_gia"] or "", order)
        if group not in found or found[group][0] < when:
            found[group] = (when, int(row["diem"]))
    return {group: stars for group, (_, stars) in found.items()}


def percentile(values: list[int], part: Fraction) -> Fraction:
    """The continuous percentile."""
    ordered, place = sorted(values), (len(values) - 1) * part
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def shown_in(found: list[Dossier], span: Span) -> Iterator[Dossier]:
    """Received up to the period's last day, and not finished before it began."""
    return (d for d in found if d.received <= span.last and d.finished >= span.first)
