"""The tree of units, and the form's figures split over the levels of administration. Pure.

A row of report.form_ii_06a_field counts a unit and everything below it. The form wants each level's own figures, and
they are had by subtraction: own(unit) = row(unit) - the rows of the units directly below it. Summed over a subtree
every row but the root's appears once with plus and once with minus, so the levels add up to the root exactly.

The level a unit belongs to is that of the nearest commune, district or province at or above it: departments, branches
(the State Treasury) and a merged province count as cấp tỉnh, a district's division as cấp huyện.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from onestop.reporting.model import LEVELS, UNKNOWN_FIELD, Counts, FieldRow, Level, LevelBlock, total
from onestop.reporting.numbers_vi import sort_key

# Districts were abolished on 01/07/2025; a level without figures is printed only for periods that reach before it.
LAST_DAY_OF_DISTRICTS = date(2025, 6, 30)

FieldRows = Mapping[str, Mapping[str, Counts]]
"""Unit -> field -> figures with everything below."""


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
        """The level of administration that the unit belongs to (see the module's docstring)."""
        here: str | None = code
        while here is not None:
            unit = self._units.get(here)
            if unit and unit.level in ("commune", "district"):
                return "commune" if unit.level == "commune" else "district"
            here = self.parent(here)
        return "province"


def split_by_level(
    rows: FieldRows, names: Mapping[str, str], tree: Tree, top: str, last_day: date
) -> tuple[LevelBlock, ...]:
    """A unit's form: its figures and those below it, by level and field.

    Args:
        rows: figures with everything below, by unit and field; a field without figures may be missing.
        names: field code -> name.
        tree: where the units stand.
        top: the unit whose form it is.
        last_day: the period's last day; decides whether a district level without figures is printed.

    Returns:
        The province's form always has its levels of the time; any other unit's only levels with figures.
    """
    own: dict[Level, dict[str, list[Counts]]] = {level: {} for level in LEVELS}
    for code, _depth in tree.walk(top):
        mine = rows.get(code, {})
        # A unit without a row of its own still hands its children's figures up to be subtracted from its parent's.
        below = [rows.get(child, {}) for child in tree.children(code)]
        level = own[tree.level(code)]
        for field in {*mine, *(f for child in below for f in child)}:
            figures = mine.get(field, Counts()) - total(child.get(field, Counts()) for child in below)
            level.setdefault(field, []).append(figures)
    blocks = []
    for level_name, by_field in own.items():
        sums = {field: total(parts) for field, parts in by_field.items()}
        printed = tuple(
            FieldRow(field, names.get(field, field), counts)
            for field, counts in sorted(sums.items(), key=lambda item: _field_order(item[0], names))
            if counts
        )
        expected = top == tree.root and (level_name != "district" or last_day <= LAST_DAY_OF_DISTRICTS)
        if printed or expected:
            blocks.append(LevelBlock(level_name, printed))
    return tuple(blocks)


def _field_order(code: str, names: Mapping[str, str]) -> tuple[bool, object, str]:
    return code == UNKNOWN_FIELD, sort_key(names.get(code, code)), code


def _natural(code: str) -> list[tuple[bool, int, str]]:
    """H15.2 before H15.10."""
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", code)]
