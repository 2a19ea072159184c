"""Cases of a feedback system, made from a seed and linked to the sandbox's units and procedures.

All statuses, second complaints about a case, times with an offset and without, and rows that each quarantine rule of
the contract must refuse.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from onestop.sandbox.people import GIVEN, MIDDLE, SURNAMES
from onestop.sandbox.procedures import Procedure
from onestop.sandbox.units import Unit, plain

Record = dict[str, Any]

STATUSES = ("moi", "da_phan_loai", "chuyen_xu_ly", "dang_xu_ly", "da_xu_ly", "da_cong_khai", "tu_choi")
SOURCES = ("portal", "tong_dai_1022", "van_ban", "dien_thoai", "email", "truc_tiep")
RATINGS = ("hai_long", "chap_nhan", "khong_hai_long")
LOCAL = timezone(timedelta(hours=7))
DAYS_BACK = 400
COMPLAINED_AGAIN, FINISHED_LATE, NO_DUE_DATE = 0.12, 0.15, 0.3
SUBJECTS = ("thái độ phục vụ", "thời gian giải quyết hồ sơ", "thành phần hồ sơ phải nộp", "mức thu phí", "biểu mẫu")


@dataclass(frozen=True)
class FeedbackCases:
    """What `generate_cases` makes.

    Attributes:
        records: the contract's Case objects, in no particular order.
        planted: how many of them break each quarantine rule; each breaks one.
    """

    records: list[Record]
    planted: dict[str, int]


def written(moment: datetime, way: int) -> str:
    """A moment as ISO 8601, in one of the ways that such systems write it; the second one is local time."""
    if way % 5 == 1:
        return moment.astimezone(LOCAL).replace(tzinfo=None).isoformat(timespec="seconds")
    if way % 5 == 2:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if way % 5 == 3:
        return moment.astimezone(LOCAL).strftime("%Y-%m-%dT%H:%M:%S.250+0700")
    if way % 5 == 4:
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.999999Z")
    return moment.astimezone(LOCAL).isoformat(timespec="seconds")


def generate_cases(
    units: Sequence[Unit],
    procedures: Sequence[Procedure],
    as_of: datetime,
    *,
    count: int = 600,
    bad_per_rule: int = 2,
    seed: int = 1,
) -> FeedbackCases:
    """Make cases of the 400 days before `as_of`; the same arguments give the same cases.

    Args:
        units: of which those that still stand are in charge of cases.
        as_of: aware; nothing happens after it.
        count: clean cases, those that complain a second time included.
        bad_per_rule: how many more rows break each of the quarantine rules.
    """
    draw = random.Random(seed)  # noqa: S311
    maker = _Maker([u.code for u in units if not u.valid_to], [p.code for p in procedures], units[0].code, as_of, draw)
    clean: list[Record] = []
    answered: list[tuple[str, datetime]] = []
    while len(clean) < count:
        first = answered.pop() if answered and draw.random() < COMPLAINED_AGAIN else None
        record, answer = maker.case(first)
        clean.append(record)
        if answer and answer < as_of - timedelta(days=3):
            answered.append((record["MaPAKN"], answer))
    planted: Counter[str] = Counter()
    spoiled: list[Record] = []
    for rule, ways in SPOILERS.items():
        for turn in range(bad_per_rule):
            record, _ = maker.case(None, status="da_xu_ly")
            ways[turn % len(ways)](record, as_of)
            spoiled.append(record)
            planted[rule] += 1
    return FeedbackCases(clean + spoiled, dict(planted))


class _Maker:
    def __init__(
        self, units: list[str], procedures: list[str], province: str, as_of: datetime, draw: random.Random
    ) -> None:
        self._units, self._procedures, self._province = units, procedures, province
        self._as_of, self._draw = as_of.astimezone(LOCAL), draw
        self._number = 0

    def case(self, first: tuple[str, datetime] | None, status: str | None = None) -> tuple[Record, datetime | None]:
        """One case, and when it was answered; `first`: the code and answer of the case that it complains about."""
        draw, as_of = self._draw, self._as_of
        # A case with a status of its own is old enough to have got there.
        earliest = first[1] if first else as_of - timedelta(days=DAYS_BACK)
        latest = as_of - (timedelta(days=60) if status else timedelta(minutes=5))
        received = self._between(earliest, latest)
        due = (received + timedelta(days=20)).replace(hour=17, minute=0, second=0)
        moved = received + timedelta(hours=draw.uniform(2, 120))
        late = draw.random() < FINISHED_LATE
        answer = moved + timedelta(days=draw.uniform(20, 35) if late else draw.uniform(1, 14))
        published = answer + timedelta(hours=draw.uniform(1, 200))
        refused = status is None and draw.random() < 0.06 and moved < as_of
        status = status or ("tu_choi" if refused else self._status(moved, answer, published))
        step = STATUSES.index(status)
        done = status in ("da_xu_ly", "da_cong_khai")
        events = [received, *([moved] if step >= 1 else []), *([answer] if done else [])]
        changed = self._between(max(events), min(as_of, max(events) + timedelta(minutes=40)))
        if status == "da_cong_khai":
            changed = published
        self._number += 1
        way, sorted_out = self._number, status != "moi"
        record: Record = {
            "MaPAKN": f"PAKN.{self._province}.{received:%y%m%d}.{self._number:05d}",
            "MaPAKNGoc": first[0] if first else None,
            "Nguon": draw.choice(SOURCES),
            "MaTTHC": draw.choice(self._procedures) if draw.random() < 0.6 else None,
            "DonViXuLy": draw.choice(self._units) if sorted_out else None,
            "NgayTiepNhan": written(received, way),
            "NgayChuyen": written(moved, way) if step >= 2 and not refused else None,
            "LoaiNoiDung": self._content(way) if sorted_out else None,
            "ThuocThamQuyen": (not refused and draw.random() < 0.95) if sorted_out else None,
            "HanXuLy": written(due, way) if draw.random() >= NO_DUE_DATE else None,
            "NgayTraLoi": written(answer, way) if done else None,
            "NgayCongKhai": written(published, way) if status == "da_cong_khai" else None,
            "TrangThai": status,
            "MucDoHaiLong": draw.choice(RATINGS) if done and draw.random() < 0.5 else None,
            **self._person(),
            "NgayCapNhat": written(changed, way + 1),
        }
        return record, answer if done else None

    def _status(self, moved: datetime, answer: datetime, published: datetime) -> str:
        """How far a case with these moments has come by now."""
        if published <= self._as_of and self._draw.random() < 0.7:
            return "da_cong_khai"
        if answer <= self._as_of:
            return "da_xu_ly"
        return self._draw.choice(STATUSES[1:4]) if moved <= self._as_of else "moi"

    def _content(self, way: int) -> int | str:
        kind = 1 if self._draw.random() < 0.3 else self._draw.randint(2, 8)
        return str(kind) if way % 17 == 0 else kind

    def _between(self, first: datetime, last: datetime) -> datetime:
        seconds = max(0.0, (last - first).total_seconds())
        return (first + timedelta(seconds=self._draw.random() * seconds)).replace(microsecond=0)

    def _person(self) -> Record:
        draw = self._draw
        given = draw.choice(GIVEN)
        name = f"{draw.choice(SURNAMES)} {draw.choice(MIDDLE)} {given}"
        digits = f"{draw.randrange(10**8):08d}"
        anonymous = draw.random() < 0.08
        return {
            "HoTen": None if anonymous else name,
            "SoDienThoai": None if anonymous else f"09{digits}",
            "Email": f"{plain(given).lower()}{digits}@hopthu.invalid" if draw.random() < 0.3 else None,
            "NoiDung": f"Tôi là {name}, phản ánh về {draw.choice(SUBJECTS)} tại bộ phận một cửa.",
        }


Spoiler = Callable[[Record, datetime], None]


def _set(**values: Any) -> Spoiler:
    def change(record: Record, _: datetime) -> None:
        record.update(values)

    return change


def _received_soon(record: Record, as_of: datetime) -> None:
    record.update(NgayTiepNhan=written(as_of + timedelta(hours=2), 0), NgayCapNhat=written(as_of, 0))
    record.update(NgayTraLoi=None, TrangThai="moi")


def _shifted(name: str, years: int) -> Spoiler:
    def change(record: Record, _: datetime) -> None:
        record[name] = f"{int(record[name][:4]) + years}-06-01T10:00:00"

    return change


SPOILERS: dict[str, tuple[Spoiler, ...]] = {
    "PA-001": (_set(MaPAKN=None), _set(MaPAKN="  ")),
    "PA-003": (_set(TrangThai="hoan_thanh"), _set(TrangThai="")),
    "PA-005": (_set(NgayTiepNhan=None), _set(NgayTiepNhan="")),
    "PA-006": (
        _set(HanXuLy="23/08/2024"),
        _set(NgayCapNhat="hôm qua"),
        _set(NgayChuyen="2023-02-30T08:00:00"),
        _set(NgayTiepNhan="2024-01-01T08:00:00+7"),
    ),
    "PA-007": (_received_soon,),
    "PA-008": (_shifted("NgayTraLoi", 10),),
    "PA-009": (_shifted("NgayTraLoi", -3),),
    "PA-011": (_set(DonViXuLy="H99.77"), _set(DonViXuLy="UBND xã")),
    "PA-013": (_set(LoaiNoiDung=9), _set(LoaiNoiDung="hành vi"), _set(LoaiNoiDung=0)),
}
"""By rule, ways to make a clean, answered case break it and no other."""
