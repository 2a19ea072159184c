"""The sandbox's own count: form II.06a of every unit and period, straight from the records as served.

Written from the contract's text ("Which dossiers count", "Dates and states", "Units"), not from the pipeline and not
from the generator: it sees bytes, as any client does. For one source; organisation as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from onestop.sandbox.feed import Record
from onestop.sandbox.judging import FINAL, AgencyRow, Judge, text, tidied

NEVER = 10**7
COLUMNS = (
    "received_total",
    "received_online",
    "received_direct_postal",
    "received_carried_over",
    "resolved_total",
    "resolved_early",
    "resolved_on_time",
    "resolved_overdue",
    "in_progress_total",
    "in_progress_within",
    "in_progress_overdue",
    "suspended_total",
)


class Version(NamedTuple):
    """What counting needs of one accepted row; dates are ordinal days or None."""

    status: str | None
    channel: str | None
    unit: str | None
    received: int | None
    finished: int | None
    first_due: int | None
    due: int | None
    stops: tuple[tuple[int | None, ...], ...]  # asked for, received, new appointment
    test: bool
    deleted: bool
    changed: int | None


@dataclass(frozen=True)
class Counted:
    """What a feed holds.

    Attributes:
        served: rows in the feed.
        quarantined: rows that break a quarantine rule; by_rule counts each broken rule.
        warnings: warning rules broken by accepted rows; OS-015 counts moments with two contents.
        dossiers: how many are counted.
    """

    served: int
    quarantined: int
    by_rule: dict[str, int]
    warnings: dict[str, int]
    dossiers: int
    facts: Facts


@dataclass(frozen=True)
class Facts:
    """The counted dossiers as arrays; days are ordinals, NEVER where there is none.

    Attributes:
        chain: position in `chains`: the resolving unit and all units above it when the dossier was received.
        stop_of, stop_from, stop_until: supplements; `stop_of` is the dossier's position.
        paused: first day of the unbroken run of a status that suspends.
    """

    chains: list[tuple[str, ...]]
    chain: NDArray[np.int64]
    online: NDArray[np.bool_]
    received: NDArray[np.int64]
    finished: NDArray[np.int64]
    due: NDArray[np.int64]
    withdrawn: NDArray[np.bool_]
    paused: NDArray[np.int64]
    stop_of: NDArray[np.int64]
    stop_from: NDArray[np.int64]
    stop_until: NDArray[np.int64]


def read_feed(
    records: Iterable[Record], agencies: list[AgencyRow], procedures: Iterable[str], as_of: datetime
) -> Counted:
    """Judge every row and settle what is counted.

    Args:
        records: the feed in any order, rows of one code and moment in the order in which they are served.

    Raises:
        ValueError: two codes are linked by MaHoSoKhac, which this counter does not follow.
    """
    judge = Judge(agencies, procedures, as_of)
    history: dict[str, list[Version]] = {}
    seen: dict[tuple[str, str], bytes] = {}
    by_rule: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    others: dict[str, str] = {}
    served = quarantined = 0
    for record in sorted(records, key=lambda r: (r.stamp, r.code)):
        served += 1
        content = tidied(orjson.loads(record.body))
        failed = judge.failed(content)
        if failed:
            quarantined += 1
            by_rule.update(failed)
            continue
        warnings.update(judge.warned(content))
        key = content["MaHoSo"]
        if seen.setdefault((key, record.stamp), record.body) != record.body:
            warnings["OS-015"] += 1
        other = content["MaHoSoKhac"]
        if other and others.setdefault(other, key) != key:
            raise ValueError("two dossiers are linked by MaHoSoKhac")
        history.setdefault(key, []).append(_version(content))
    if others.keys() & history.keys():
        raise ValueError("two dossiers are linked by MaHoSoKhac")
    counted = [versions for versions in history.values() if _counts(versions[-1])]
    facts = _facts(counted, agencies)
    return Counted(
        served, quarantined, dict(sorted(by_rule.items())), dict(sorted(warnings.items())), len(counted), facts
    )


def form(facts: Facts, first: date, last: date) -> dict[str, dict[str, int]]:
    """Form II.06a and suspended_total of the period [first, last], by unit; units without any dossier are left out."""
    low, high = first.toordinal(), last.toordinal()
    in_time = facts.received <= high
    new = in_time & (facts.received >= low)
    carried = (facts.received < low) & (facts.finished >= low)
    resolved = (facts.finished >= low) & (facts.finished <= high)
    late = (facts.finished > facts.due) & (facts.due != NEVER) & ~facts.withdrawn
    early = (facts.finished < facts.due) & (facts.due != NEVER) & ~facts.withdrawn
    still_open = in_time & (facts.finished > high)
    halted = np.zeros(len(facts.received), bool)
    halted[facts.stop_of[(facts.stop_from <= high) & (facts.stop_until > high)]] = True
    halted = still_open & (halted | (facts.paused <= high))
    overdue = still_open & ~halted & (facts.due < high)
    columns = (
        new | carried,
        new & facts.online,
        new & ~facts.online,
        carried,
        resolved,
        resolved & early,
        resolved & ~early & ~late,
        resolved & late,
        still_open,
        still_open & ~overdue,
        overdue,
        halted,
    )
    by_chain = np.array([np.bincount(facts.chain[mask], minlength=len(facts.chains)) for mask in columns])
    units: dict[str, NDArray[np.int64]] = {}
    for position, chain in enumerate(facts.chains):
        if by_chain[0, position]:
            for unit in chain:
                units[unit] = units.get(unit, 0) + by_chain[:, position]
    return {unit: dict(zip(COLUMNS, map(int, units[unit]), strict=True)) for unit in sorted(units)}


def periods(first: date, last: date) -> Iterator[tuple[str, date, date]]:
    """Every period of both conventions from the one that holds `first` to the one that holds `last`.

    Yields `statutory/2024-Q3` with its first and last day. Nine months of a year count as one of its periods.
    """
    for convention in ("calendar", "statutory"):
        for year in range(first.year, last.year + 2):
            starts = [_month_start(convention, year, month) for month in range(1, 14)]
            spans = {f"{year}-M{m:02d}": (m, m) for m in range(1, 13)}
            spans |= {f"{year}-Q{q}": (3 * q - 2, 3 * q) for q in range(1, 5)}
            spans |= {f"{year}-H1": (1, 6), f"{year}-H2": (7, 12), f"{year}-9M": (1, 9), f"{year}": (1, 12)}
            for name, (begin, end) in spans.items():
                low, high = starts[begin - 1], starts[end] - timedelta(days=1)
                if low <= last and high >= first:
                    yield f"{convention}/{name}", low, high


def _month_start(convention: str, year: int, month: int) -> date:
    year, month = (year, month) if month <= 12 else (year + 1, 1)
    if convention == "calendar":
        return date(year, month, 1)
    return date(year - 1, 12, 15) if month == 1 else date(year, month - 1, 15)


@lru_cache(maxsize=100_000)
def _ordinal(digits: str) -> int:
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).toordinal()


def _day(value: str | None) -> int | None:
    return _ordinal(value[:8]) if value else None


def _version(content: Mapping[str, Any]) -> Version:
    if content["DaXoa"] == "1":  # nothing else of a deletion has been judged
        return Version(None, None, None, None, None, None, None, (), False, True, None)
    stops = tuple(
        tuple(_day(text(s.get(name))) for name in ("NgayBoSung", "NgayTiepNhanBoSung", "NgayHenTraMoi"))
        for s in content["DanhSachHoSoBoSung"]
    )
    return Version(
        status=content["TrangThaiHoSo"],
        channel=content["KenhThucHien"],
        unit=content["DonViXuLy"],
        received=_day(content["NgayTiepNhan"]),
        finished=_day(content["NgayKetThucXuLy"]),
        first_due=_day(content["NgayHenTraBanDau"]),
        due=_day(content["NgayHenTra"]),
        stops=stops,
        test=content["LaHoSoThuNghiem"] == "1",
        deleted=False,
        changed=_day(content["NgayCapNhat"]),
    )


def _counts(current: Version) -> bool:
    return not current.deleted and not current.test and current.status not in ("1", "3")


def _due(versions: list[Version]) -> int:
    current = versions[-1]
    first = current.first_due if current.first_due is not None else versions[0].due
    dates = [d for d in (first, *(new for _, _, new in current.stops)) if d is not None]
    return max(dates, default=NEVER)


def _paused_since(versions: list[Version]) -> int:
    """First day of the run of the current status, where that status suspends."""
    current = versions[-1]
    if current.status not in ("6", "8") and not (current.status == "5" and not current.stops):
        return NEVER
    since = NEVER
    for version in reversed(versions):
        if version.status != current.status:
            break
        since = version.changed or since
    return since


def _facts(counted: list[list[Version]], agencies: list[AgencyRow]) -> Facts:
    current = [versions[-1] for versions in counted]
    tree = _Tree(agencies)
    chains: dict[tuple[str, ...], int] = {}
    chain = [chains.setdefault(tree.above(v.unit or "", v.received or 0), len(chains)) for v in current]
    stops = [
        (i, begin, NEVER if end is None else end)
        for i, v in enumerate(current)
        for begin, end, _ in v.stops
        if begin is not None
    ]
    stop = np.array(stops, np.int64).reshape(-1, 3)
    return Facts(
        chains=list(chains),
        chain=np.array(chain, np.int64),
        online=np.array([v.channel == "2" for v in current], bool),
        received=np.array([v.received for v in current], np.int64),
        finished=np.array([v.finished if v.status in FINAL else NEVER for v in current], np.int64),
        due=np.array([_due(versions) for versions in counted], np.int64),
        withdrawn=np.array([v.status == "7" for v in current], bool),
        paused=np.array([_paused_since(versions) for versions in counted], np.int64),
        stop_of=stop[:, 0],
        stop_from=stop[:, 1],
        stop_until=stop[:, 2],
    )


class _Tree:
    """Units and what stood above them on a day; a unit that did not exist then stands as on its nearest day."""

    def __init__(self, agencies: list[AgencyRow]) -> None:
        self._rows: dict[str, list[tuple[int, int, str]]] = {}
        for row in agencies:
            start = date.fromisoformat(row.valid_from).toordinal() if row.valid_from else 0
            end = date.fromisoformat(row.valid_to).toordinal() if row.valid_to else NEVER
            self._rows.setdefault(row.code, []).append((start, end, row.parent))
        self._known: dict[tuple[str, int], tuple[str, ...]] = {}

    def above(self, unit: str, day: int) -> tuple[str, ...]:
        """The unit and every unit above it."""
        if (unit, day) not in self._known:
            found: list[str] = []
            while unit in self._rows and unit not in found:
                found.append(unit)
                rows = self._rows[unit]
                unit = min(rows, key=lambda r: max(r[0] - day, day - r[1], 0))[2]
            self._known[found[0] if found else unit, day] = tuple(found)
            return tuple(found)
        return self._known[unit, day]
