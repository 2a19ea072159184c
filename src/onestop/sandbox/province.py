"""A sample province made from a scenario and a seed: units, procedures, and the records of its one-stop system."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from onestop.sandbox import calibration
from onestop.sandbox.blemishes import SPOILERS, Place
from onestop.sandbox.days import DAY, Stamps, WorkingDays, day_number, moment_number
from onestop.sandbox.feed import Record
from onestop.sandbox.moments import moments
from onestop.sandbox.people import draw_people
from onestop.sandbox.population import Kind, populate
from onestop.sandbox.procedures import Procedure, catalogue
from onestop.sandbox.records import RecordMaker, dossier_codes
from onestop.sandbox.scenarios import Scenario
from onestop.sandbox.timeline import HISTORY, Window
from onestop.sandbox.units import Unit, province_units
from onestop.sandbox.versions import Marks, VersionMaker, draw_marks

AGENCY_COLUMNS = ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", "valid_from", "valid_to")
PROCEDURE_COLUMNS = (
    "procedure_code",
    "name_vi",
    "field_code",
    "field_name_vi",
    "service_level",
    "has_fee",
    "processing_days",
    "day_kind",
    "announced_on",
    "published_on",
    "content_complete",
    "valid_from",
    "valid_to",
)

TARGET_COLUMNS = ("metric_code", "level", "year", "target", "legal_basis")
# Metric, first year, target, the document that set it; for every level.
TARGETS = (
    ("online_payment_rate", 2022, "0.3", "Nghị quyết 01/NQ-CP"),
    ("dossier_satisfaction_rate", 2022, "0.9", "Quyết định 766/QĐ-TTg"),
    ("data_reuse_rate", 2022, "0.8", "Quyết định 766/QĐ-TTg"),
    ("full_online_rate", 2022, "0.8", "Quyết định 942/QĐ-TTg"),
)
LAST_TARGET_YEAR = 2026


@dataclass(frozen=True)
class Province:
    """What `generate` makes.

    Attributes:
        row: the eleven figures of the calibrated period.
        records: the feed, in no particular order, but versions of one moment in the order in which they are served.
        planted: how many rows were spoiled, by rule (rules that fail together are joined by +).
    """

    scenario: Scenario
    seed: int
    row: dict[str, int]
    units: list[Unit]
    procedures: list[Procedure]
    records: list[Record]
    planted: dict[str, int]


def generate(scenario: Scenario, seed: int = 1) -> Province:
    """Make a province; the same scenario and seed give the same bytes.

    Raises:
        ValueError: the scenario's figures, period and moment do not fit together.
    """
    row = calibration.complete(scenario.target)
    streams = iter(np.random.default_rng(seed).spawn(5))
    window = Window(day_number(scenario.first), day_number(scenario.last), moment_number(scenario.as_of))
    # Appointments reach beyond as_of; the oldest dossiers were received this long before the period.
    first_day, last_day = window.first - HISTORY - 60, window.today + 400
    calendar, stamps = WorkingDays(first_day, last_day), Stamps(first_day, last_day)
    units, procedures = province_units(scenario.gso, scenario.code), catalogue()
    bad = max(2 * len(SPOILERS), round(row["received_total"] * scenario.mix.bad)) if scenario.mix.bad else 0
    later = min(bad // 3, row["resolved_total"] // 4)
    population = populate(row, scenario.mix, bad - later, window, units, procedures, calendar, next(streams))
    times = moments(population.times, window, scenario.mix.history, next(streams))
    marks = draw_marks(population, times, scenario.mix, later, window, next(streams))
    draw = next(streams)
    count = len(population)
    by_submission = population.times.online & (draw.random(count) < 0.5) | np.isin(
        population.kind, (Kind.NEW, Kind.REFUSED)
    )
    day = np.where(by_submission, times.submitted, times.received) // DAY
    # A code with a date that is neither: later than both, as where a dossier was entered days after its receipt.
    day = np.where(marks.of == Marks.WRONG_DATE, times.received // DAY + draw.integers(1, 4, count), day)
    codes = dossier_codes([u.code for u in units], population.unit, day, draw.random(count) < 0.03, stamps)
    maker = RecordMaker(units, procedures, population, times, draw_people(count, draw), codes, stamps, next(streams))
    retired = next(u.code for u in units if u.valid_to)
    versions = VersionMaker(population, times, marks, stamps, _place(scenario, retired))
    records = list(versions.all(maker))
    return Province(scenario, seed, row, units, procedures, records, dict(sorted(versions.planted.items())))


def write_reference(province: Province, folder: Path) -> None:
    """Write agencies.csv, procedures.csv and targets.csv as contracts/reference_data.md has them; makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "agencies.csv", AGENCY_COLUMNS, _agency_rows(province.units))
    _write(folder / "procedures.csv", PROCEDURE_COLUMNS, _procedure_rows(province.procedures))
    _write(folder / "targets.csv", TARGET_COLUMNS, _target_rows())


def _agency_rows(units: list[Unit]) -> Iterator[tuple[Any, ...]]:
    for u in units:
        yield u.code, u.name_vi, u.name_en, u.level, u.parent, u.gso, u.valid_from, u.valid_to


def _procedure_rows(procedures: list[Procedure]) -> Iterator[tuple[Any, ...]]:
    for p in procedures:
        yield (
            *(p.code, p.name, p.field_code, p.field_name, p.level, int(p.fee > 0), p.days, "working"),
            *(p.announced_on, p.published_on, int(p.content_complete), p.announced_on, ""),
        )


def _target_rows() -> Iterator[tuple[Any, ...]]:
    for metric, first_year, target, basis in TARGETS:
        for year in range(first_year, LAST_TARGET_YEAR + 1):
            yield metric, "", year, target, basis


def _write(path: Path, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _place(scenario: Scenario, retired: str) -> Place:
    now = scenario.as_of.replace(tzinfo=None)
    return Place(
        soon=(now + timedelta(hours=2)).strftime("%Y%m%d%H%M%S"),
        now=now.strftime("%Y%m%d%H%M%S"),
        retired=retired,
    )
