"""Small cells: which numbers of a period's form are left out of what the public reads. Pure.

A number from 1 to `least - 1` is left out, and with it as many others as it takes that nobody can work it out. What proves
that is a move: whole dossiers shifted between hidden numbers so that every number shown stays as it is and none falls below
zero. Each hidden number is changed by at least one move of its own, so that at least two values of it fit what is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

from onestop.reporting.model import COLUMNS, Counts, ReportFigures

Cell = tuple[str, str]
"""A node (`H15.07`, `commune` for a level's sum, `commune/HT` for a field of it) and a column of the form."""
_Move = Mapping[str, int]
_INTAKE = ("received_online", "received_direct_postal", "received_carried_over")
_OUTCOME = {
    "resolved_early": "resolved_total",
    "resolved_on_time": "resolved_total",
    "resolved_overdue": "resolved_total",
    "in_progress_within": "in_progress_total",
    "in_progress_overdue": "in_progress_total",
}
_TOTALS = ("received_total", "resolved_total", "in_progress_total")
_MIXED = 200  # the price of a move of last resort
_FEW = 4  # places of a level that are tried against those of another
_REST = "rest:"  # what a unit handles itself is nowhere printed, but is its number less those below it


@dataclass(frozen=True, slots=True)
class _Shift:
    """Where a move changes numbers by one, `base` being those places whose own numbers it takes from or adds to."""

    base: _Move
    changed: _Move


@dataclass
class Form:
    """The numbers of one period as they are printed: units with what lies under them, levels, fields of levels."""

    root: str
    numbers: dict[str, Mapping[str, int]] = field(default_factory=dict)
    own: dict[str, Mapping[str, int]] = field(default_factory=dict)  # of a unit itself, without those below it
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)  # a unit and those above it
    level: dict[str, str] = field(default_factory=dict)
    fields: dict[str, list[str]] = field(default_factory=dict)

    @staticmethod
    def of(figures: ReportFigures) -> Form:
        """The form of these figures."""
        form, root = Form(figures.province_code), figures.province_code
        above: list[str] = [root]
        rests: dict[str, Counts] = {root: figures.province}
        form.paths[root], form.level[root] = (root,), "province"
        for unit in figures.units:
            del above[unit.depth :]
            form.paths[unit.code] = (unit.code, *reversed(above))
            form.level[unit.code] = unit.level
            rests[above[-1]] -= unit.counts
            rests[unit.code] = unit.counts
            above.append(unit.code)
            form.numbers[unit.code] = unit.counts.as_dict()
        form.numbers[root] = figures.province.as_dict()
        form.own = {code: counts.as_dict() for code, counts in rests.items()}
        for block in figures.levels:
            form.numbers[block.level] = block.subtotal.as_dict()
            form.fields[block.level] = [f"{block.level}/{row.code}" for row in block.fields]
            form.numbers |= {f"{block.level}/{row.code}": row.counts.as_dict() for row in block.fields}
        return form

    def small(self, least: int) -> set[Cell]:
        """What is below the limit, also where it would only follow from what is printed."""
        found = {(node, c) for node, numbers in self.numbers.items() for c, n in numbers.items() if 0 < n < least}
        with_units = {path[1] for path in self.paths.values() if len(path) > 1}
        return found | {(_REST + unit, c) for unit in with_units for c, n in self.own[unit].items() if 0 < n < least}

    def shifts(self, node: str) -> Iterator[_Shift]:
        """Every way to change a node's number with the fewest others."""
        if node in self.numbers and node not in self.paths:
            yield from self._of_field(node)
            return
        unit = node.removeprefix(_REST)
        inside = [code for code, path in self.paths.items() if (code == unit if node != unit else unit in path)]
        for one in (code for code in inside if any(self.own[code].values())):
            for other in self.paths:
                if other not in inside and self.level[other] == self.level[one] and any(self.own[other].values()):
                    yield self._between(one, other)
            yield from self._whole(one, self.fields.get(self.level[one], ()))

    def _between(self, one: str, other: str) -> _Shift:
        """From a unit to another of its level."""
        mine, theirs = set(self.paths[one]), set(self.paths[other])
        changed = dict.fromkeys(mine - theirs, 1) | dict.fromkeys(theirs - mine, -1)
        return _Shift({one: 1, other: -1}, changed)

    def _whole(self, unit: str, fields: Sequence[str]) -> Iterator[_Shift]:
        """A unit's number with all that it is counted in, up to the province."""
        for name in fields:
            changed = dict.fromkeys((*self.paths[unit], self.level[unit], name), 1)
            yield _Shift({unit: 1, name: 1}, changed)

    def _of_field(self, node: str) -> Iterator[_Shift]:
        level, _, code = node.partition("/")
        others = self.fields[level]
        if code:
            yield from (_Shift({node: 1, other: -1}, {node: 1, other: -1}) for other in others if other != node)
        else:
            yield from self._across(level)
        for unit in self._units(level):
            yield from self._whole(unit, [node] if code else others)

    def _across(self, level: str) -> Iterator[_Shift]:
        """From one level to another, in the largest units and fields of both."""
        for other in (one for one in self.fields if one != level):
            largest = (self._units(level), self.fields[level], self._units(other), self.fields[other])
            for mine, its, theirs, their in product(*(self._by_size(found)[:_FEW] for found in largest)):
                between = self._between(mine, theirs)
                more = {its: 1, their: -1}
                yield _Shift({**between.base, **more}, {**between.changed, **more, level: 1, other: -1})

    def _units(self, level: str) -> list[str]:
        """The units of a level that handle something themselves."""
        return [one for one, its in self.level.items() if its == level and any(self.own[one].values())]

    def _by_size(self, nodes: Sequence[str]) -> list[str]:
        return sorted(nodes, key=lambda node: (-self._base(node)["received_total"], node))

    def has_room(self, base: _Move, columns: _Move) -> bool:
        """Whether nothing falls below zero; sums are those of what they are made of."""
        return all(
            self._base(node)[column] + sign * by >= 0
            for (node, sign), (column, by) in product(base.items(), columns.items())
            if column not in _TOTALS
        )

    def _base(self, node: str) -> Mapping[str, int]:
        return self.own.get(node) or self.numbers[node]


def _column_moves() -> tuple[_Move, ...]:
    """The ways to change columns so that the form's identities still hold."""
    moves: list[_Move] = [{one: 1, other: -1} for one, other in combinations(_INTAKE, 2)]
    for one, other in combinations(_OUTCOME, 2):
        totals = {_OUTCOME[one]: 1, _OUTCOME[other]: -1} if _OUTCOME[one] != _OUTCOME[other] else {}
        moves.append({one: 1, other: -1, **totals})
    moves += [{come: 1, "received_total": 1, out: 1, up: 1} for come in _INTAKE for out, up in _OUTCOME.items()]
    return tuple(moves)


def _mixes(move: _Move) -> bool:
    """Whether it exchanges what came and went within a period with what was open at its ends; such a move cannot be made
    in a quarter and in its half-year at once, where both are published."""
    stocks = {"received_carried_over", "in_progress_within", "in_progress_overdue"}.intersection(move)
    return bool(stocks) and not stocks >= set(move) - set(_TOTALS)


_COLUMN_MOVES = tuple((move, _MIXED if _mixes(move) else 0) for move in _column_moves())


def hide(form: Form, least: int, forced: Collection[Cell] = (), known: Collection[Cell] = ()) -> frozenset[Cell]:
    """The cells to leave out.

    Args:
        form: the numbers.
        least: the smallest number that is shown.
        forced: cells to be left out whatever their number: those that earlier publications left out, or would give away.
        known: cells better not relied on, because an earlier publication shows the same number.
    """
    wanted = form.small(least) | {cell for cell in forced if cell[0] in form.numbers}
    hidden, covered = set(wanted), set[Cell]()
    price = _prices(form, known)
    for cell in sorted(wanted, key=lambda one: (form.numbers.get(one[0], {}).get(one[1], 0), one)):
        if cell in covered:
            continue
        found = _cheapest(form, cell, hidden, price)
        if found is None:  # nothing to exchange it with: then nothing of the form is shown
            return frozenset((node, column) for node in form.numbers for column in COLUMNS)
        hidden |= found
        covered |= found
    return frozenset(cell for cell in hidden if cell[0] in form.numbers)


def _prices(form: Form, known: Collection[Cell]) -> dict[Cell, float]:
    """What it costs to leave out a number: sums and the province more, what was shown before most."""
    depths = {node: 20.0 if node == form.root or node in form.fields else 1.0 for node in form.numbers}
    return {
        (node, column): depths[node] * (4 if column in _TOTALS else 1) + (50 if (node, column) in known else 0)
        for node in form.numbers
        for column in COLUMNS
    }


def _cheapest(form: Form, cell: Cell, hidden: set[Cell], price: Mapping[Cell, float]) -> set[Cell] | None:
    node, column = cell
    moves = [(move, dear) for move, dear in _COLUMN_MOVES if column in move]
    best, least = None, float("inf")
    for shift in form.shifts(node):
        for move, dear in moves:
            cells = set(product(shift.changed, move))
            cost = dear + sum(price[one] for one in cells if one not in hidden)
            opposite = {name: -by for name, by in move.items()}
            if cost < least and (form.has_room(shift.base, move) or form.has_room(shift.base, opposite)):
                best, least = cells | {cell}, cost
                if not cost:
                    return best
    return best
