"""Which rows of the feed a dossier becomes: earlier versions, deletions, oddities, and rows to be quarantined."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from onestop.sandbox.blemishes import FRESH_ONLY, SPOILERS, Place, spoil
from onestop.sandbox.days import NONE, Ints, Stamps
from onestop.sandbox.feed import Record, compact_json
from onestop.sandbox.moments import Moments
from onestop.sandbox.population import Kind, Population
from onestop.sandbox.procedures import UNLISTED
from onestop.sandbox.scenarios import Mix
from onestop.sandbox.timeline import Window

LEGACY_TITLES = (
    "CÊp giÊy phÐp x©y dùng nhµ ë riªng lÎ",  # TCVN3
    "Chøng thùc b¶n sao tõ b¶n chÝnh",  # TCVN3
    "§¨ng ký khai sinh",  # TCVN3
    "Ñaêng kyù keát hoân",  # VNI
)
_RULES = list(SPOILERS)
_LATER_RULES = [rules for rules in SPOILERS if rules not in FRESH_ONLY]


@dataclass(frozen=True)
class Marks:
    """What is unusual about each dossier, if anything; at most one thing.

    Attributes:
        of: one of the values below for each dossier.
    """

    of: Ints
    PLAIN: ClassVar[int] = 0
    SLOPPY_CODE: ClassVar[int] = 1  # lower case and blanks, which change nothing
    LEGACY_TEXT: ClassVar[int] = 2  # rule OS-017
    DECOMPOSED: ClassVar[int] = 3  # Unicode NFD
    UNLISTED: ClassVar[int] = 4  # rule OS-016
    WRONG_DATE: ClassVar[int] = 5  # rule OS-014
    TWIN: ClassVar[int] = 6  # rule OS-015
    EMPTY_TEXT: ClassVar[int] = 7  # '' where null is meant
    END_IGNORED: ClassVar[int] = 8  # an end date under a status that has none
    BAD_LATER: ClassVar[int] = 9  # a later version that must be quarantined
    BAD_EARLIER: ClassVar[int] = 10  # an earlier one


def draw_marks(
    population: Population, times: Moments, mix: Mix, bad: int, window: Window, draw: np.random.Generator
) -> Marks:
    """Choose what is unusual about which dossier: counted ones only, `bad` of them with a row to be quarantined."""
    of = np.zeros(len(population), np.int64)
    main = population.kind == Kind.MAIN
    status = population.times.status
    finished = main & np.isin(status, (9, 10)) & times.first_known & ~times.told
    settled = finished & (times.changed + 7200 <= window.as_of) & (times.changed > times.received + 3600)
    each = max(2, round(int(main.sum()) * mix.oddities)) if mix.oddities else 0
    wanted = [
        (Marks.BAD_LATER, settled, bad - bad // 2),
        (Marks.BAD_EARLIER, settled, bad // 2),
        (Marks.TWIN, settled, each),
        (Marks.END_IGNORED, main & (status == 4) & (population.times.stopped == NONE), each),
        *((mark, main & ~times.told, each) for mark in range(Marks.SLOPPY_CODE, Marks.WRONG_DATE + 1)),
        (Marks.EMPTY_TEXT, main & ~times.told, each),
    ]
    for mark, able, amount in wanted:
        places = np.flatnonzero(able & (of == Marks.PLAIN))
        of[draw.permutation(places)[:amount]] = mark
    return Marks(of)


class VersionMaker:
    """Turns each dossier's present version into the rows that the feed has of it.

    Attributes:
        planted: rows to be quarantined, by rule; complete when `all` is through.
    """

    def __init__(self, population: Population, times: Moments, marks: Marks, stamps: Stamps, place: Place) -> None:
        self._times, self._stamps, self._place = times, stamps, place
        self._population = population
        self._kinds, self._marks = population.kind.tolist(), marks.of.tolist()
        self._told = times.told.tolist()
        self.planted: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()

    def all(self, present: Iterable[dict[str, Any]]) -> Iterator[Record]:
        """Every row of the feed, given the present version of each dossier in order."""
        for i, (record, kind, mark, told) in enumerate(zip(present, self._kinds, self._marks, self._told, strict=True)):
            if kind == Kind.GHOST:
                yield self._spoiled(record, _RULES)
                continue
            if kind == Kind.DELETED:
                yield from self._deleted(i, record)
                continue
            if told and kind in (Kind.MAIN, Kind.BEFORE, Kind.AFTER):
                yield from self._earlier(i, record)
            if mark == Marks.PLAIN:
                yield _row(record)
            else:
                yield from self._unusual(i, record, mark)

    def _earlier(self, i: int, record: dict[str, Any]) -> Iterator[Record]:
        received, since = int(self._times.received[i]), int(self._times.since[i])
        shown = self._stamps.one(int(self._times.first_due[i]))
        steps = [(received + 90, "2")]
        if self._times.broken[i]:
            steps += [(received + 3600, "8"), (received + 7200, "4")]
        elif i % 3 == 0 and since == NONE:
            steps += [(received + 5400, "4")]
        if since != NONE:
            steps += [(since, record["TrangThaiHoSo"])]
        for moment, status in steps:
            yield _row(_unfinished(record, status, self._stamps.one(moment), shown))

    def _deleted(self, i: int, record: dict[str, Any]) -> Iterator[Record]:
        changed = int(self._times.changed[i])
        if i % 5 and self._stamps.one(changed + 60) < self._place.now:  # type: ignore[operator]
            yield _row(record)
            record = {**record, "NgayCapNhat": self._stamps.one(changed + 60)}
        gone = {**record, "DaXoa": "1"}
        if i % 4 == 0:  # nothing but the code of a deleted dossier is looked at
            gone.update(TrangThaiHoSo="", DonViXuLy="H99.77", NgayTiepNhan=None, NgayHenTra="0")
        yield _row(gone)

    def _unusual(self, i: int, record: dict[str, Any], mark: int) -> Iterator[Record]:
        if mark == Marks.BAD_LATER:
            yield _row(record)
            yield self._spoiled(self._at(record, int(self._times.changed[i]) + 3600), _LATER_RULES)
            return
        if mark == Marks.BAD_EARLIER:
            yield self._spoiled(self._at(record, int(self._times.received[i]) + 1800), _LATER_RULES)
        elif mark == Marks.TWIN:
            yield _row(_unfinished(record, "4", record["NgayCapNhat"], record["NgayHenTra"]))
        elif mark == Marks.SLOPPY_CODE:
            record["MaHoSo"] = record["MaHoSo"].lower().replace("-", "- ", 1) + " "
            record["DonViXuLy"] = " " + record["DonViXuLy"].lower()
        elif mark == Marks.LEGACY_TEXT:
            record["TenTTHC"] = LEGACY_TITLES[i % len(LEGACY_TITLES)]
        elif mark == Marks.DECOMPOSED:
            record["TenTTHC"] = unicodedata.normalize("NFD", record["TenTTHC"])
        elif mark == Marks.UNLISTED:
            record["MaTTHC"] = UNLISTED[i % len(UNLISTED)]
        elif mark == Marks.EMPTY_TEXT:
            record.update({name: "" for name, value in record.items() if value is None})
        elif mark == Marks.END_IGNORED:
            record["NgayKetThucXuLy"] = record["NgayTiepNhan"]
        yield _row(record)

    def _spoiled(self, record: dict[str, Any], rules: list[str]) -> Record:
        which = rules[self._turns[rules[0]] % len(rules)]
        self._turns[rules[0]] += 1
        turn = self.planted[which]
        self.planted[which] += 1
        clean = record if record["NgayHenTraBanDau"] else {**record, **self._appointment(record)}
        return _row(spoil({**clean, "DanhSachHoSoBoSung": [], "DanhSachXinLoi": []}, which, turn, self._place))

    def _appointment(self, record: dict[str, Any]) -> dict[str, Any]:
        day = record["NgayHenTra"] or record["NgayKetThucXuLy"]
        return {"NgayHenTraBanDau": day, "NgayHenTra": day}

    def _at(self, record: dict[str, Any], moment: int) -> dict[str, Any]:
        return {**record, "NgayCapNhat": self._stamps.one(moment)}


def _unfinished(record: dict[str, Any], status: str, changed: str | None, due: str | None) -> dict[str, Any]:
    """The record as it stood before anything had come of it."""
    return {
        **record,
        "TrangThaiHoSo": status,
        "NgayHenTra": due,
        "NgayKetThucXuLy": None,
        "NgayTra": None,
        "DanhSachHoSoBoSung": [],
        "DanhSachXinLoi": [],
        "KetQuaDienTu": None,
        "MucDoHaiLong": None,
        "NgayDanhGia": None,
        "NgayCapNhat": changed,
    }


def _row(record: dict[str, Any]) -> Record:
    return Record(record["NgayCapNhat"], record["MaHoSo"] or "", compact_json(record))
