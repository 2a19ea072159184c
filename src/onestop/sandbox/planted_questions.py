"""Planted patterns that are worth a question, among ordinary dossiers and innocent look-alikes, in the second quarter of 2024.

For the same warehouse as `planted`. Twenty units work as offices do; some of them have a pattern. A part of the planted
patterns is too faint to stand out, and some look-alikes are as striking as the real ones: what a rule finds, misses
and finds wrongly can be counted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg

from onestop.sandbox.planted_stories import EXPORTED_ON

FIRST, LAST = date(2024, 4, 1), date(2024, 6, 28)
A_DAY = 5  # dossiers of a unit and working day
Key = tuple[str, str, str]
"""Kind, unit, and the day, the quarter (last_minute) or the dossier (reentered)."""


def unit(number: int) -> str:
    """The code of unit 1 to 20."""
    return f"H15.{50 + number}"


def plant_questions(connection: psycopg.Connection[tuple[Any, ...]], seed: int = 7) -> set[Key]:
    """Add the dossiers and ratings to a warehouse that `planted.plant` has filled; gives what is planted."""
    world = _World(random.Random(seed))  # noqa: S311  (a sample, not a secret)
    for number in range(1, 21):
        world.ordinary(unit(number), 0.55 if number in (1, 2) else 0.12 if number == 4 else 0.02)
    world.truth |= {("last_minute", unit(n), "2024-Q2") for n in (1, 2, 4)}  # of unit 4 faint
    world.reentries()
    world.mass(unit(5), LAST, 60, planted=True)
    world.mass(unit(6), LAST, 40, planted=True)
    world.mass(unit(7), date(2024, 6, 13), 60, planted=True)  # the statutory quarter ends on 14 June
    world.mass(unit(8), date(2024, 5, 21), 60, planted=False)  # no quarter's end
    world.mass(unit(9), LAST, 10, planted=False)
    world.mass(unit(10), LAST, 12, planted=True)  # faint
    world.ratings()
    world.write(connection)
    return world.truth


class _World:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.truth: set[Key] = set()
        self.dossiers: list[dict[str, Any]] = []
        self.slips: list[tuple[str, datetime, int]] = []

    def add(self, agency: str, received: datetime, ended: datetime | None, **more: Any) -> str:
        """One dossier, due five days after its receipt; its code."""
        code = f"{agency}-{received:%y%m%d}-{len(self.dossiers) + 500_000}"
        due = datetime.combine(received.date() + timedelta(days=5), time(17))
        self.dossiers.append(
            {"code": code, "unit": agency, "received": received, "due": due, "ended": ended, "status": 10} | more
        )
        return code

    def moment(self, day: date, first: int = 8, last: int = 16) -> datetime:
        """Some time of a day, before `last` o'clock."""
        return datetime.combine(day, time(first)) + timedelta(minutes=self.chance.randrange((last - first) * 60))

    def ordinary(self, agency: str, last_minute: float) -> None:
        """A unit's quarter; of those finished on the due date so many at the end of the day."""
        for day in _working_days():
            for _ in range(A_DAY):
                ended = day + timedelta(days=self.chance.randrange(6))
                if ended > LAST:
                    continue
                received, at = self.moment(day, 8, 11), self.moment(ended, 11, 16)
                if (ended - day).days == 5 and self.chance.random() < last_minute:
                    at = datetime.combine(ended, time(16, 35)) + timedelta(minutes=self.chance.randrange(24))
                self.add(agency, received, at)

    def reentries(self) -> None:
        """Closed and entered again, and what only looks like it."""
        stories = (
            # how many, the earlier one's status, the day of its end, hours until the new one, planted
            (30, 10, 5, (1, 60), True),  # closed on the due date
            (20, 7, 3, (1, 60), True),  # withdrawn
            (6, 7, 3, (80, 95), True),  # too late to be noticed
            (40, 10, 1, (1, 60), False),  # closed in good time: another request
            (40, 10, 5, (100, 400), False),
            (5, 10, 5, (20, 70), False),  # as striking, and innocent
        )
        for count, status, days, hours, planted in stories:
            for _ in range(count):
                agency, day = unit(self.chance.randrange(1, 21)), self.chance.choice(list(_working_days())[:50])
                received = self.moment(day)
                ended = self.moment(day + timedelta(days=days))
                again = ended + timedelta(hours=self.chance.randrange(*hours))
                who = f"applicant {len(self.dossiers)}"
                self.add(agency, received, ended, status=status, applicant=who)
                code = self.add(agency, again, again + timedelta(days=2), applicant=who)
                if planted:
                    self.truth.add(("reentered", agency, code))
        for _ in range(8):  # who has copies certified every day
            agency, who = unit(self.chance.randrange(1, 21)), f"frequent {len(self.dossiers)}"
            for day in list(_working_days())[:10]:
                received = self.moment(day)
                self.add(agency, received, received + timedelta(days=5), applicant=who)

    def mass(self, agency: str, day: date, count: int, *, planted: bool) -> None:
        """So many dossiers, received over the weeks before, finished on one day."""
        for _ in range(count):
            received = self.moment(day - timedelta(days=self.chance.randrange(6, 25)))
            self.add(agency, received, self.moment(day, 14, 16))
        if planted:
            self.truth.add(("mass_change", agency, day.isoformat()))

    def ratings(self) -> None:
        """One or two a day, and bursts."""
        days = list(_working_days())[::2]
        for number in range(1, 21):
            codes = [d["code"] for d in self.dossiers if d["unit"] == unit(number)]
            for day in days:
                for _ in range(self.chance.randrange(1, 3)):
                    self.slips.append((self.chance.choice(codes), self.moment(day), self.chance.choice((3, 4, 5, 5))))
            burst = {11: (25, 20), 12: (18, 45), 14: (8, 15), 15: (14, 55), 16: (14, 470)}.get(number)
            if burst:
                many, minutes = burst
                start = datetime.combine(days[20], time(8))
                for code in self.chance.sample(codes, many):
                    self.slips.append((code, start + timedelta(minutes=self.chance.randrange(minutes)), 5))
                # 14 is too small, 15 was a day of service in the village, 16 a busy day
                if number in (11, 12, 14):
                    self.truth.add(("rating_burst", unit(number), days[20].isoformat()))

    def write(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        """Into raw, as the connectors would."""
        for place in range(1, 21):
            connection.execute(
                "insert into raw.agency (batch_id, row_number, agency_code, name_vi, level, parent_code, valid_from)"
                " select 5, 100 + %s, %s, %s, 'department', 'H15', '2004-01-01'"
                " where not exists (select from raw.agency where agency_code = %s)",
                [place, unit(place), f"Đơn vị {unit(place)}", unit(place)],
            )
        columns = (
            "batch_id, row_number, source_id, content_hash, ma_ho_so, ma_tthc, kenh_thuc_hien, don_vi_xu_ly,"
            " so_dinh_danh_hash, ngay_tiep_nhan, ngay_hen_tra_ban_dau, ngay_hen_tra, ngay_ket_thuc_xu_ly, trang_thai_ho_so,"
            " ngay_cap_nhat"
        )
        with connection.cursor().copy(f"copy raw.one_stop_dossier ({columns}) from stdin".encode()) as copy:
            for place, row in enumerate(self.dossiers, 2_000_001):
                ended = row["ended"]
                copy.write_row(
                    (
                        *(1, place, "igate", b"", row["code"], "1.000001", "1", row["unit"], row.get("applicant")),
                        *(f"{row[name]:%Y%m%d%H%M%S}" for name in ("received", "due", "due", "ended")),
                        *(str(row["status"]), f"{ended:%Y%m%d%H%M%S}"),
                    )
                )
        connection.execute(_RATING_FILE, [EXPORTED_ON])
        columns = (
            "batch_id, row_number, source_id, content_hash, file_id, stt, ma_phieu, ma_ho_so, diem, ngay_danh_gia,"
            " ngay_cap_nhat"
        )
        with connection.cursor().copy(f"copy raw.portal_rating ({columns}) from stdin".encode()) as copy:
            for place, (code, at, score) in enumerate(self.slips, 1):
                copy.write_row(
                    (
                        *(4, place, "dvcqg", b"", 2, str(place), f"P{place}", code, str(score)),
                        *(f"{at:%Y%m%d%H%M%S}", f"{EXPORTED_ON:%Y%m%d}235959"),
                    )
                )


_RATING_FILE = (
    "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at, size, sha256,"
    " batch_id) values ('dvcqg', 'rating', 'DVCQG_DanhGia_H15_20240101_20240710.csv', 'dvcqg_danhgia_h15_20240101_20240710',"
    " 1, '2024-01-01', %s, now(), 1, 'planted ratings', 4)"
)


def _working_days() -> Iterator[date]:
    day = FIRST
    while day <= LAST:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)
