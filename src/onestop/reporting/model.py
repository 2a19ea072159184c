"""The figures of one report as values: counts, levels, units, comparisons. Pure; no database.

`ReportFigures.check` refuses figures that break the form's identities, so that no product can show them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting.arrivals import Expected
from onestop.reporting.layouts import Layout
from onestop.reporting.measures import Measures, MetricLabel

Level = Literal["province", "district", "commune"]
LEVELS: tuple[Level, ...] = get_args(Level)
UNKNOWN_FIELD = "?"  # the warehouse's code for dossiers whose field nothing tells


@dataclass(frozen=True, slots=True)
class Counts:
    """Columns 3 to 13 of form II.06a, in their order; numbers of dossiers."""

    received_total: int = 0
    received_online: int = 0
    received_direct_postal: int = 0
    received_carried_over: int = 0
    resolved_total: int = 0
    resolved_early: int = 0
    resolved_on_time: int = 0
    resolved_overdue: int = 0
    in_progress_total: int = 0
    in_progress_within: int = 0
    in_progress_overdue: int = 0

    def values(self) -> tuple[int, ...]:
        """The eleven numbers, column 3 first."""
        return tuple(getattr(self, name) for name in COLUMNS)

    def as_dict(self) -> dict[str, int]:
        """Column name -> number, in the form's order."""
        return dict(zip(COLUMNS, self.values(), strict=True))

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(a - b for a, b in zip(self.values(), other.values(), strict=True)))

    def __bool__(self) -> bool:
        return any(self.values())

    @property
    def resolved_in_time(self) -> int:
        """Early and on time together: the numerator of the on-time rate; its denominator is resolved_total."""
        return self.resolved_early + self.resolved_on_time

    @property
    def received_new(self) -> int:
        """Received in the period itself."""
        return self.received_online + self.received_direct_postal

    def broken_identities(self) -> list[str]:
        """The form's identities that do not hold, in words; empty when all do."""
        claims = {
            "column 3 = 4 + 5 + 6": self.received_total == self.received_new + self.received_carried_over,
            "column 7 = 8 + 9 + 10": self.resolved_total == self.resolved_in_time + self.resolved_overdue,
            "column 11 = 12 + 13": self.in_progress_total == self.in_progress_within + self.in_progress_overdue,
            "column 3 = 7 + 11": self.received_total == self.resolved_total + self.in_progress_total,
            "no negative number": min(self.values()) >= 0,
        }
        return [claim for claim, holds in claims.items() if not holds]


COLUMNS: tuple[str, ...] = tuple(f.name for f in fields(Counts))


def total(parts: Iterable[Counts]) -> Counts:
    """The sum; of nothing, zeros."""
    return sum(parts, Counts())


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of administration (lĩnh vực) within a level; see UNKNOWN_FIELD for `code`."""

    code: str
    name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class LevelBlock:
    """A level's rows in the form's order, and their sum."""

    level: Level
    fields: tuple[FieldRow, ...]

    @property
    def subtotal(self) -> Counts:
        """The sum of the level's fields."""
        return total(row.counts for row in self.fields)


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit with everything below it, as in report.form_ii_06a.

    `level` is the level of administration that the unit belongs to, `depth` its place below the province
    (1 = directly), `parent_name` empty for a unit directly below it.
    """

    code: str
    name: str
    level: Level
    depth: int
    parent_name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class PeriodCounts:
    """The province's figures of another period: to compare with, or a month of the trend; `is_printed`: as published."""

    period: Period
    counts: Counts
    is_printed: bool = False


@dataclass(frozen=True, slots=True)
class Durations:
    """How long the dossiers resolved in the period took: calendar days from receipt to result -> number of dossiers."""

    by_days: Mapping[int, int]

    @property
    def count(self) -> int:
        """Number of dossiers."""
        return sum(self.by_days.values())

    @property
    def mean(self) -> float:
        """Mean, in calendar days."""
        return sum(days * n for days, n in self.by_days.items()) / self.count

    def percentile(self, share: float) -> float:
        """The continuous percentile (as SQL's percentile_cont), in calendar days; `share` from 0 to 1."""
        position = share * (self.count - 1)
        lower = int(position)
        low, high = self._nth(lower), self._nth(min(lower + 1, self.count - 1))
        return low + (high - low) * (position - lower)

    def between(self, first: int, last: int | None) -> int:
        """Number of dossiers that took first..last days, both inclusive; None: no upper end."""
        return sum(n for days, n in self.by_days.items() if days >= first and (last is None or days <= last))

    def _nth(self, index: int) -> int:
        seen = 0
        for days in sorted(self.by_days):
            seen += self.by_days[days]
            if index < seen:
                return days
        raise IndexError(index)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far rejected rows could move a figure: its lowest and highest value (None: nothing bounds it), and how many
    dossiers that are."""

    lowest: Decimal
    highest: Decimal | None
    rows: int


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing from the figures, as the products declare it: a source that had not delivered to the closing day."""

    text_vi: str
    text_en: str


@dataclass(frozen=True, slots=True)
class EditionMark:
    """What a product says of the edition that it is of; `sha256` is the head of the edition's chain."""

    version: int
    sha256: str
    approved_by: str
    approved_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class OfficeWords:
    """What only an office can say of a period, a paragraph each."""

    shortcomings: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    proposals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrative(OfficeWords):
    """The province's words, and its units' by code; `number`: the written report's, where it has one yet."""

    number: str = ""
    units: Mapping[str, OfficeWords] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportFigures:
    """Everything the products of one period need, in the view `as_was`.

    `levels` are the province's form; `unit_forms` the forms of units asked for, by code; `unit_levels` those of all units,
    from which each unit's own part is made, empty where no edition is made. `known_at` is aware, in the province's zone.
    `quarantined` counts rejected dossier records still open, of any period; `consequence` says which figures they could
    move notably: unit -> metric -> bounds; `field_consequence` does so of the form: unit -> field -> metric -> bounds.
    `form_bounds` are all bounds, notable or not, of the units whose form is shown by level, "*" for all fields together.
    `edition`: the edition that the products are of; None: a draft.
    `previous_published`: what was published of the period before, whose column 11 should be column 6. `gaps` are the
    gaps that it declares, `narrative` what the office wrote. `metrics` and `measures` are every metric of every unit,
    `unit_kinds` the level that a unit is ranked in (department, branch, …), `unit_fields` every unit's form by field, `forms`
    the layouts of the quarter's other parts. `expected`: of a running period, what its numbers are likely to become.
    `least`: the smallest number that the public is shown (reporting.public); `hidden`: what it is not shown.
    """

    period: Period
    known_at: datetime
    is_preliminary: bool
    province_code: str
    province_name: str
    province: Counts
    levels: tuple[LevelBlock, ...]
    units: tuple[UnitRow, ...]
    unit_forms: Mapping[str, tuple[LevelBlock, ...]]
    previous: PeriodCounts | None  # of the warehouse where it holds the period in full, else as published
    year_before: PeriodCounts | None
    months: tuple[PeriodCounts, ...]
    durations: Durations
    quarantined: int
    consequence: Mapping[str, Mapping[str, Bounds]] = field(default_factory=dict)
    field_consequence: Mapping[str, Mapping[str, Mapping[str, Bounds]]] = field(default_factory=dict)
    form_bounds: Mapping[str, Mapping[str, Mapping[str, Bounds]]] = field(default_factory=dict)
    edition: EditionMark | None = None
    gaps: tuple[Gap, ...] = ()
    narrative: Narrative = Narrative()
    previous_published: PeriodCounts | None = None
    metrics: Mapping[str, MetricLabel] = field(default_factory=dict)
    measures: Measures = field(default_factory=dict)
    unit_kinds: Mapping[str, str] = field(default_factory=dict)
    unit_fields: Mapping[str, tuple[FieldRow, ...]] = field(default_factory=dict)
    forms: tuple[Layout, ...] = ()
    expected: tuple[Expected, ...] = ()
    unit_levels: Mapping[str, tuple[LevelBlock, ...]] = field(default_factory=dict)
    least: int = 0
    hidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def unit(self, code: str) -> UnitRow:
        """The unit of that code.

        Raises:
            OnestopError: it has no figures in the period.
        """
        for row in self.units:
            if row.code == code:
                return row
        raise OnestopError(
            f"{self.period}: the unit {code} has no figures", next_step="choose a unit of the sheet Tổng hợp"
        )

    def check(self) -> None:
        """Refuse figures that do not add up.

        Raises:
            OnestopError: an identity of the form is broken, or the levels do not sum to the province or a unit.
        """
        rows = [(self.province_code, self.province), *((u.code, u.counts) for u in self.units)]
        rows += [
            (f"level {block.level}, field {row.code}", row.counts) for block in self.levels for row in block.fields
        ]
        wrong = [f"{name}: {claim}" for name, counts in rows for claim in counts.broken_identities()]
        forms = {self.province_code: self.levels, **self.unit_levels, **self.unit_forms}
        for code, counts in [(c, n) for c, n in rows if c in forms]:
            by_level = total(block.subtotal for block in forms[code])
            wrong += [
                f"{code}: {column} is {have}, its fields by level sum to {found}"
                for column, have, found in zip(COLUMNS, counts.values(), by_level.values(), strict=True)
                if have != found
            ]
        facts = self.durations.count
        if facts != self.province.resolved_total:
            wrong.append(
                f"resolved_total is {self.province.resolved_total}, mart.fct_dossier holds {facts} such dossiers"
            )
        if wrong:
            more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            raise OnestopError(
                f"{self.period}: the figures do not add up ({'; '.join(wrong[:5])}{more}); no report was written",
                next_step="build the warehouse again (onestop transform) and look at the tests that fail",
            )
