"""Counts the metrics of feedback cases, procedures and reference files by hand: plain Python over plain rows.

Written from contracts/metrics.md and docs/metrics.md alone; it shares no line and no thought with the SQL. Slow and
obvious: every metric looks at every row for every period, view and unit.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
Cell = tuple[str, str, str, str, str]  # convention, period, view, unit, metric
DAY = timedelta(days=1)


@dataclass
class Province:
    """All that figures are counted from, and the day on which they are."""

    root: str
    known_on: date
    first_receipt: date
    agencies: list[Row]
    successions: list[Row]
    cases: list[Row]
    procedures: list[Row]
    certificates: list[Row]
    points: list[Row]
    surveys: list[Row]
    documents: list[Row]
    days_off: set[date] = field(default_factory=set)
    working_saturdays: set[date] = field(default_factory=set)

    def valid(self, row: Row, day: date) -> bool:
        return (row["valid_from"] or date.min) <= day <= (row["valid_to"] or date.max)

    def is_unit(self, unit: str, day: date) -> bool:
        return any(row["agency_code"] == unit and self.valid(row, day) for row in self.agencies)

    def above(self, unit: str, day: date) -> list[str]:
        """The unit and the units above it on the day, or on the unit's day of validity nearest to it."""
        lives = [row for row in self.agencies if row["agency_code"] == unit]
        if unit == self.root or not lives:
            return [self.root] if unit == self.root else [unit, self.root]
        nearest = min(
            (max(min(day, row["valid_to"] or date.max), row["valid_from"] or date.min) for row in lives),
            key=lambda candidate: (abs(candidate - day), candidate),
        )
        chain, step = [unit], unit
        while True:
            (life,) = [row for row in self.agencies if row["agency_code"] == step and self.valid(row, nearest)]
            step = life["parent_code"]
            if step is None or step == self.root or step in chain or not self.is_unit(step, nearest):
                return [*chain, self.root]
            chain.append(step)

    def successor(self, unit: str, day: date) -> str:
        """Who has what the unit had on the day, as of the day of counting."""
        seen = {unit}
        while True:
            follows = [
                row["successor_code"]
                for row in self.successions
                if row["predecessor_code"] == unit and row["is_default"] and day < row["effective_on"] <= self.known_on
            ]
            if not follows or follows[0] in seen:
                return unit
            unit = follows[0]
            seen.add(unit)

    def belongs(self, row: Row, view: str, was_on: date, named_on: date) -> list[str]:
        """The units whose figures the row is part of."""
        if view == "as_was":
            return self.above(row["agency_code"], was_on)
        return self.above(self.successor(row["agency_code"], named_on), self.known_on)

    def working_days(self, after: date, until: date) -> int:
        days = (after + DAY * n for n in range(1, (until - after).days + 1))
        return sum((d.weekday() < 5 and d not in self.days_off) or d in self.working_saturdays for d in days)


@dataclass(frozen=True)
class Span:
    convention: str
    name: str
    first: date
    last: date
    months: tuple[date, ...]


def periods(province: Province) -> Iterator[Span]:
    """Every period between the first receipt and the day of counting."""
    kinds = [(f"M{m:02d}", m, m) for m in range(1, 13)] + [(f"Q{q}", 3 * q - 2, 3 * q) for q in range(1, 5)]
    kinds += [("H1", 1, 6), ("H2", 7, 12), ("9M", 1, 9), ("", 1, 12)]
    for convention in ("statutory", "calendar"):
        for year in range(province.first_receipt.year, province.known_on.year + 2):
            for suffix, begin, end in kinds:
                if convention == "calendar":
                    first, last = date(year, begin, 1), date(year, end, calendar.monthrange(year, end)[1])
                else:
                    first = date(year, begin - 1, 15) if begin > 1 else date(year - 1, 12, 15)
                    last = date(year, end, 14)
                if last >= province.first_receipt and first <= province.known_on:
                    months = tuple(date(year, month, 1) for month in range(begin, end + 1))
                    yield Span(convention, f"{year}-{suffix}".rstrip("-"), first, last, months)


def recount(province: Province) -> dict[Cell, tuple[Fraction, Fraction | None]]:
    """Numerator and denominator (None: a count) of every cell in which one of the two is not 0."""
    found: dict[Cell, tuple[Fraction, Fraction | None]] = {}
    for span in periods(province):
        for view in ("as_was", "as_is"):
            figures: dict[tuple[str, str], list[Any]] = {}

            def add(units: Iterable[str], metric: str, top: Any, bottom: Any = None, into: Any = figures) -> None:
                for unit in units:
                    cell = into.setdefault((unit, metric), [Fraction(0), None if bottom is None else Fraction(0)])
                    cell[0] += Fraction(top)
                    if bottom is not None:
                        cell[1] += Fraction(bottom)

            for count in (_feedback, _procedures, _certificates, _documents, _points, _surveys):
                count(province, span, view, add)
            for (unit, metric), (top, bottom) in figures.items():
                if top or bottom:
                    found[span.convention, span.name, view, unit, metric] = (top, bottom)
    return found


Add = Callable[..., None]


def _feedback(province: Province, span: Span, view: str, add: Add) -> None:
    for case in province.cases:
        if case["competent"] is False or case["status"] == "tu_choi":
            continue
        received, answered = case["received"], case["answered"]
        if received > span.last or (answered and answered < span.first):
            continue
        unit = {"agency_code": case["agency_code"] or province.root}
        units = province.belongs(unit, view, received, received)
        due = case["due"] or received + 20 * DAY
        again = any(
            other["about"] == case["code"] and other["code"] != case["code"] and other["received"] <= span.last
            for other in province.cases
        )
        is_new = received >= span.first
        handled = answered is not None and answered <= span.last
        overdue = answered > due if handled else due < span.last
        add(units, "feedback_received_total", 1)
        add(units, "feedback_received_new" if is_new else "feedback_received_carried_over", 1)
        state = "handled" if handled else "in_progress"
        within = "on_time" if handled else "within"
        add(units, f"feedback_{state}_total", 1)
        add(units, f"feedback_{state}_{'overdue' if overdue else within}", 1)
        add(units, "feedback_on_time_rate", not overdue, 1)
        unhappy = case["satisfaction"] == "khong_hai_long" or again or overdue
        add(units, "feedback_satisfaction_rate", not unhappy, 1)
        if case["kind"] is not None:
            add(units, "feedback_behaviour_share", case["kind"] == 1, 1)


def _procedures(province: Province, span: Span, view: str, add: Add) -> None:
    root = [province.root]
    for row in province.procedures:
        announced, published = row["announced_on"], row["published_on"]
        if province.valid(row, span.last):
            if announced and announced <= span.last:
                add(root, "procedure_public_rate", published is not None and published <= span.last, 1)
            if published and published <= span.last:
                add(root, "procedure_content_rate", row["content_complete"], 1)
    announcements: dict[tuple[str, date], list[date | None]] = {}
    for row in province.procedures:
        if row["announced_on"] and span.first <= row["announced_on"] <= span.last:
            announcements.setdefault((row["procedure_code"], row["announced_on"]), []).append(row["published_on"])
    for (_, announced), published_on in announcements.items():
        on_time = any(day is not None and province.working_days(announced, day) <= 5 for day in published_on)
        add(root, "procedure_on_time_publication_rate", on_time, 1)


def _certificates(province: Province, span: Span, view: str, add: Add) -> None:
    for unit in {row["agency_code"] for row in province.certificates}:
        counts = [r for r in province.certificates if r["agency_code"] == unit and r["as_of"] <= span.last]
        if counts and province.is_unit(unit, span.last):
            latest = max(counts, key=lambda row: row["as_of"])
            units = province.belongs(latest, view, span.last, span.last)
            add(units, "digital_certificate_rate", latest["issued"], latest["required"])


def _documents(province: Province, span: Span, view: str, add: Add) -> None:
    for row in province.documents:
        if row["month"] in span.months:
            units = province.belongs(row, view, row["month"], row["month"])
            add(units, "digital_signature_rate", row["digitally_signed"], row["issued"])


def _points(province: Province, span: Span, view: str, add: Add) -> None:
    for row in province.points:
        if province.valid(row, span.last):
            units = province.belongs(row, view, span.last, row["valid_from"] or date.min)
            add(units, "one_stop_points", 1)
            equipped = all(row[flag] for flag in ("has_queue_machine", "has_lookup_kiosk", "has_online_help_desk"))
            add(units, "one_stop_equipment_rate", equipped, 1)


def _surveys(province: Province, span: Span, view: str, add: Add) -> None:
    for key in {(row["survey_code"], row["agency_code"]) for row in province.surveys}:
        scored = [
            row
            for row in province.surveys
            if (row["survey_code"], row["agency_code"]) == key and row["year"] <= span.last.year
        ]
        if scored:
            latest = max(scored, key=lambda row: row["year"])
            units = province.belongs(latest, view, span.last, date(latest["year"], 1, 1))
            add(units, "survey_score_rate", latest["score"], latest["max_score"])
