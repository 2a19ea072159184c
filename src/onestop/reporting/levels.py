"""The tree of units, and the form's figures by level of administration in the form's order. Pure.

Which level a dossier's figures belong to is the warehouse's own (report.form_ii_06a_level): that of the nearest
commune, district or province at or above its unit on the day of receipt. The tree here names and orders the units of
the tables, on the period's last day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from onestop.reporting.model import LEVELS, UNKNOWN_FIELD, Counts, FieldRow, Level, LevelBlock
from onestop.reporting.numbers_vi import sort_key

# Districts were abolished on 01/07/2025; a level without figures is printed only for periods that reach before it.
LAST_DAY_OF_DISTRICTS = date(2025, 6, 30)

LevelRows = Mapping[Level, Mapping[str, Counts]]
"""Level -> field -> figures."""


@dataclass(frozen=True, slots=True)
class AgencyVersion:
    """One row of mart.dim_agency; validity is inclusive, None = open."""

    code: str
    name: str
    level: str
    parent_code: str | None
    valid_from: date | None
    valid_to: date | None

    def nearest_to(self, day: date) -> date:
        """The day of validity nearest to a day."""
        if self.valid_from and day < self.valid_from:
            return self.valid_from
        return self.valid_to if self.valid_to and day > self.valid_to else day

    def distance(self, day: date) -> timedelta:
        """How far the day lies outside the validity; zero within."""
        return abs(self.nearest_to(day) - day)


class Tree:
    """The units below a root on one day; a unit not valid then stands where it stood on its nearest day of validity.

    As in the warehouse, no unit is lost: one whose parent is missing or not valid on that day, and one that no
    reference file knows (`others`), hangs directly under the root.
    """

    def __init__(self, versions: Iterable[AgencyVersion], root: str, day: date, others: Iterable[str] = ()) -> None:
        self.root = root
        lives: dict[str, list[AgencyVersion]] = {}
        for version in versions:
            lives.setdefault(version.code, []).append(version)
        self._units = {code: min(life, key=lambda v: v.distance(day)) for code, life in lives.items()}
        self._parents: dict[str, str] = {}
        for code in {*lives, *others} - {root}:
            unit = self._units.get(code)
            parent = unit.parent_code if unit else None
            stands_on = unit.nearest_to(day) if unit else day
            valid = parent and any(not v.distance(stands_on) for v in lives.get(parent, ()))
            self._parents[code] = parent if parent and valid else root
        self._children: dict[str, list[str]] = {}
        for code in sorted(self._parents, key=_natural):
            self._children.setdefault(self._parents[code], []).append(code)

    def name(self, code: str) -> str:
        """The unit's name, or its code when the tree does not know it."""
        return self._units[code].name if code in self._units else code

    def parent(self, code: str) -> str | None:
        """The unit directly above; None for the root."""
        return self._parents.get(code)

    def children(self, code: str) -> tuple[str, ...]:
        """The units directly below, by code."""
        return tuple(self._children.get(code, ()))

    def walk(self, top: str | None = None) -> Iterator[tuple[str, int]]:
        """(code, depth) of a unit and all below it, parents first, siblings by code; depth 0 is `top`."""
        waiting = [(top or self.root, 0)]
        while waiting:
            code, depth = waiting.pop()
            yield code, depth
            waiting += [(child, depth + 1) for child in reversed(self.children(code))]

    def level(self, code: str) -> Level:
        """The level of administration that the unit is listed under (see the module's docstring)."""
        here: str | None = code
        while here is not None:
            unit = self._units.get(here)
            if unit and unit.level in ("commune", "district"):
                return "commune" if unit.level == "commune" else "district"
            here = self.parent(here)
        return "province"


def level_blocks(
    rows: LevelRows, names: Mapping[str, str], last_day: date, *, is_province: bool
) -> tuple[LevelBlock, ...]:
    """A unit's form: its figures by level and field, in the form's order.

    Args:
        rows: figures by level and field; what has none may be missing.
        names: field code -> name.
        last_day: the period's last day; decides whether a district level without figures is printed.
        is_province: the province's form always has its levels of the time; any other unit's only those with figures.
    """
    blocks = []
    for level in LEVELS:
        fields = sorted(rows.get(level, {}).items(), key=lambda item: _field_order(item[0], names))
        printed = tuple(FieldRow(code, names.get(code, code), counts) for code, counts in fields if counts)
        expected = is_province and (level != "district" or last_day <= LAST_DAY_OF_DISTRICTS)
        if printed or expected:
            blocks.append(LevelBlock(level, printed))
    return tuple(blocks)


def _field_order(code: str, names: Mapping[str, str]) -> tuple[bool, object, str]:
    return code == UNKNOWN_FIELD, sort_key(names.get(code, code)), code


def _natural(code: str) -> list[tuple[bool, int, str]]:
    """H15.2 before H15.10."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", code)]
