"""Who is in the feed: the calibrated dossiers, those around the period, and those that never count.

Draws which unit resolves each dossier under which procedure, and puts the timelines of all kinds together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from onestop.sandbox.days import NONE, Flags, Ints, WorkingDays
from onestop.sandbox.procedures import Procedure
from onestop.sandbox.scenarios import Mix
from onestop.sandbox.timeline import Timeline, Window, calibrated, classes, joined, outside
from onestop.sandbox.units import LAND_DEPARTMENT, Unit

# Shares of the dossiers that each kind of unit resolves; departments share what is left.
_OWNER_SHARES = {"commune": 0.50, "district": 0.22, "land": 0.12, "treasury": 0.04}


class Kind(IntEnum):
    """Why a dossier is in the feed. GHOST: its only row is one that must be quarantined."""

    MAIN = 0
    BEFORE = 1
    AFTER = 2
    REFUSED = 3
    NEW = 4
    TEST = 5
    DELETED = 6
    GHOST = 7


@dataclass
class Population:
    """Arrays of one length, one element a dossier; `unit` and `procedure` are positions in the province's lists."""

    kind: Ints
    unit: Ints
    procedure: Ints
    times: Timeline

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True)
class _Owner:
    """Units and procedures that go together, with their weights."""

    units: Ints
    unit_weights: np.ndarray
    procedures: Ints
    procedure_weights: np.ndarray
    share: float


def populate(
    row: Mapping[str, int],
    mix: Mix,
    ghosts: int,
    window: Window,
    units: list[Unit],
    procedures: list[Procedure],
    calendar: WorkingDays,
    draw: np.random.Generator,
) -> Population:
    """All dossiers of a province.

    Args:
        row: the eleven figures of the calibrated period.
        ghosts: how many dossiers have no other row than one to be quarantined.

    Raises:
        ValueError: see `timeline.calibrated`.
    """
    main = row["received_total"]
    shares = {
        Kind.BEFORE: mix.before,
        Kind.AFTER: mix.after if window.today > window.last else 0.0,
        Kind.REFUSED: mix.refused,
        Kind.NEW: mix.new,
        Kind.TEST: mix.test,
        Kind.DELETED: mix.deleted,
    }
    amounts = {Kind.MAIN: main, **{k: int(np.ceil(main * s)) for k, s in shares.items()}, Kind.GHOST: ghosts}
    kind = np.repeat([int(k) for k in amounts], list(amounts.values()))
    owners = _owners(units, procedures, draw)
    unit, procedure, owner = _assign(owners, len(kind), draw)
    days = np.array([p.days for p in procedures])[procedure]
    receipt, outcome = classes(row, draw)
    times = [calibrated(receipt, outcome, days[:main], window, calendar, draw)]
    new = row["received_online"] + row["received_direct_postal"]
    online = row["received_online"] / new if new else 0.3
    for one, amount in list(amounts.items())[1:]:
        low, high, until = window.first, window.last, window.today
        if one == Kind.BEFORE:
            low, high, until = window.first - 200, window.first - 8, window.first - 1
        elif one == Kind.AFTER:
            low, high = window.last + 1, window.today
        elif one == Kind.GHOST:
            until = window.last
        start = sum(len(t) for t in times)
        made = outside(low, high, until, days[start : start + amount], online, calendar, draw)
        if one == Kind.AFTER:
            still_open = draw.random(amount) < 0.5
            made.finished[still_open] = NONE
            made.status[still_open] = 4
        times.append(made)
    everything = joined(times)
    procedure = _online_ones(owners, owner, procedure, procedures, everything.online, mix, draw)
    return Population(kind, unit, procedure, everything)


def _owners(units: list[Unit], procedures: list[Procedure], draw: np.random.Generator) -> list[_Owner]:
    """Which procedures which units resolve; sizes of communes and districts differ as real ones do."""
    standing = [(i, u) for i, u in enumerate(units) if not u.valid_to]
    land = f"{units[0].code}.{LAND_DEPARTMENT:02d}"
    holders: dict[str, list[int]] = {
        "commune": [i for i, u in standing if u.level == "commune"],
        "district": [i for i, u in standing if u.level == "district"],
        "land": [i for i, u in standing if u.level == "branch" and u.parent == land],
        "treasury": [i for i, u in standing if u.code == f"{units[0].code}.90"],
    }
    for i, unit in standing:
        number = unit.code.rpartition(".")[2]
        if unit.level == "department" and int(number or 0) <= 20:
            holders[str(int(number))] = [i]
    departments = [o for o in holders if o not in _OWNER_SHARES and any(p.owner == o for p in procedures)]
    weight = {o: sum(p.weight for p in procedures if p.owner == o) for o in departments}
    rest = 1 - sum(_OWNER_SHARES.values())
    made = []
    for owner in [*_OWNER_SHARES, *departments]:
        held = [i for i, p in enumerate(procedures) if p.owner == owner]
        size = draw.lognormal(0.0, 0.5, len(holders[owner]))
        weights = np.array([procedures[i].weight for i in held])
        share = _OWNER_SHARES.get(owner, rest * weight.get(owner, 0.0) / sum(weight.values()))
        made.append(_Owner(np.array(holders[owner]), size / size.sum(), np.array(held), weights / weights.sum(), share))
    return made


def _assign(owners: list[_Owner], count: int, draw: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    shares = np.array([o.share for o in owners])
    owner = draw.choice(len(owners), count, p=shares / shares.sum())
    unit, procedure = np.empty(count, np.int64), np.empty(count, np.int64)
    for number, one in enumerate(owners):
        mine = owner == number
        unit[mine] = draw.choice(one.units, int(mine.sum()), p=one.unit_weights)
        procedure[mine] = draw.choice(one.procedures, int(mine.sum()), p=one.procedure_weights)
    return unit, procedure, owner


def _online_ones(
    owners: list[_Owner],
    owner: Ints,
    procedure: Ints,
    procedures: list[Procedure],
    online: Flags,
    mix: Mix,
    draw: np.random.Generator,
) -> Ints:
    """Information-only procedures are not submitted online, except for a few faulty rows (rule OS-013)."""
    level = np.array([p.level for p in procedures])
    wrong = online & (level[procedure] == 2)
    places = np.flatnonzero(wrong)
    kept = min(len(places), max(2, round(len(procedure) * mix.oddities))) if mix.oddities else 0
    wrong[draw.permutation(places)[:kept]] = False
    chosen = procedure.copy()
    for number, one in enumerate(owners):
        mine = wrong & (owner == number)
        able = level[one.procedures] > 2
        weights = one.procedure_weights[able] / one.procedure_weights[able].sum()
        chosen[mine] = draw.choice(one.procedures[able], int(mine.sum()), p=weights)
    return chosen
