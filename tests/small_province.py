"""A small province made by hand: two departments, the Treasury, two districts, three communes."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from pydantic import TypeAdapter

from onestop.periods import parse
from onestop.reporting.layouts import Layout
from onestop.reporting.levels import AgencyVersion, Tree, level_blocks
from onestop.reporting.measures import Measure, MetricLabel
from onestop.reporting.model import Counts, Durations, FieldRow, Level, PeriodCounts, ReportFigures, UnitRow, total
from onestop.reporting.other_forms import PACKAGED

OPENED = date(2020, 1, 1)
AGENCIES = (
    ("H15", "UBND tỉnh Đắk Lắk", "province", None),
    ("H15.01", "Sở Tư pháp", "department", "H15"),
    ("H15.02", '=HYPERLINK("http://x","Sở <b>Y tế</b>")', "department", "H15"),
    ("H15.20", "Kho bạc Nhà nước Đắk Lắk", "branch", "H15"),
    ("H15.31", "UBND thành phố Buôn Ma Thuột", "district", "H15"),
    ("H15.31.02", "UBND phường Tân Lập", "commune", "H15.31"),
    ("H15.31.10", "UBND phường Tân Hòa", "commune", "H15.31"),
    ("H15.32", "UBND huyện Lắk", "district", "H15"),
    ("H15.32.01", "UBND xã Đắk Liêng", "commune", "H15.32"),
)
NAMES = {"HT": "Hộ tịch", "DD": "Đất đai", "CT": "Chứng thực", "?": "Chưa rõ lĩnh vực"}


def counts(early: int, on_time: int, overdue: int, within: int, late: int) -> Counts:
    """Figures that balance: a third of what came was online, a tenth carried over."""
    resolved, in_progress = early + on_time + overdue, within + late
    received = resolved + in_progress
    carried, online = received // 10, received // 3
    return Counts(
        received, online, received - carried - online, carried,
        resolved, early, on_time, overdue, in_progress, within, late,
    )  # fmt: skip


OWN = {
    "H15.01": {"HT": counts(900, 80, 20, 50, 3), "?": counts(3, 0, 0, 0, 0)},
    "H15.02": {"CT": counts(70, 30, 0, 5, 0)},
    "H15.20": {"CT": counts(1_200_000, 2, 1, 7, 0)},
    "H15.31": {"DD": counts(400, 50, 9, 20, 8), "HT": counts(10, 1, 0, 0, 0)},
    "H15.31.02": {"HT": counts(1500, 300, 4, 60, 1), "CT": counts(40, 4, 0, 0, 0)},
    "H15.31.10": {"HT": counts(700, 90, 30, 10, 2)},
    "H15.32": {"DD": counts(60, 5, 5, 4, 1)},
    "H15.32.01": {"HT": counts(20, 5, 1, 0, 0)},
}


def rolled_up(own: dict[str, dict[str, Counts]], parents: dict[str, str | None]) -> dict[str, dict[str, Counts]]:
    """The rows as the warehouse has them: every unit with everything below it."""
    rows: dict[str, dict[str, Counts]] = {}
    for code, fields in own.items():
        here: str | None = code
        while here is not None:
            for field, figures in fields.items():
                row = rows.setdefault(here, {})
                row[field] = row.get(field, Counts()) + figures
            here = parents[here]
    return rows


def by_level(tree: Tree, top: str) -> dict[Level, dict[str, Counts]]:
    """A unit's figures by level and field, as the warehouse has them."""
    levels: dict[Level, dict[str, Counts]] = {}
    for code, _ in tree.walk(top):
        for field, figures in OWN.get(code, {}).items():
            fields = levels.setdefault(tree.level(code), {})
            fields[field] = fields.get(field, Counts()) + figures
    return levels


SEED = Path(__file__).parents[1] / "dbt_project" / "seeds" / "metric_definition.csv"
TARGET = Decimal("0.95")


def metric_labels() -> dict[str, MetricLabel]:
    """The registry's labels; on-time resolution has a target."""
    with SEED.open(encoding="utf-8", newline="") as file:
        labels = {
            row["metric_code"]: MetricLabel(
                *(row[key] for key in ("name_vi", "name_en", "unit", "direction", "legal_basis")), int(row["version"])
            )
            for row in csv.DictReader(file)
        }
    return labels | {"on_time_rate": replace(labels["on_time_rate"], target_basis=("Nghị quyết 131/NQ-CP",))}


def measures_of(whole: dict[str, Counts]) -> dict[str, dict[str, Measure]]:
    """The form's metrics and two rates of every unit; the rank among communes by hand."""
    ranks = {"H15.31.02": 1, "H15.31.10": 2}
    found: dict[str, dict[str, Measure]] = {}
    for code, unit in whole.items():
        in_time, resolved = Decimal(unit.resolved_in_time), Decimal(unit.resolved_total)
        previous = Decimal("0.9") if code == "H15" else None
        rank = ranks.get(code)
        found[code] = {
            "on_time_rate": Measure(
                in_time, resolved, in_time / resolved, previous, None, TARGET, rank, 2 if rank else None
            ),
            "overdue_rate": Measure(resolved - in_time, resolved, 1 - in_time / resolved),
            "processing_working_days_mean": Measure(Decimal(25), Decimal(10), Decimal("2.5")),
        }
        found[code] |= {name: Measure(Decimal(n), None, Decimal(n)) for name, n in unit.as_dict().items() if n}
    found["H15"]["feedback_received_total"] = Measure(Decimal(12), None, Decimal(12))
    found["H15.01"]["feedback_received_total"] = Measure(Decimal(12), None, Decimal(12))
    found["H15"]["feedback_on_time_rate"] = Measure(
        Decimal(9), Decimal(12), Decimal("0.75"), None, None, Decimal("0.79")
    )
    found["H15.02"]["digitised_intake_rate"] = Measure(Decimal(3), Decimal(4), Decimal("0.75"))
    return found


def packaged_layouts() -> tuple[Layout, ...]:
    """The package's own layouts."""
    adapter = TypeAdapter(Layout)
    return tuple(
        adapter.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")))
        for file in sorted(PACKAGED.glob("*.yml"))
    )


def small_tree() -> Tree:
    """Its units."""
    return Tree((AgencyVersion(*agency, OPENED, None) for agency in AGENCIES), "H15", date(2024, 9, 14))


def small_figures() -> ReportFigures:
    """2024-Q3 of the small province, with everything that a product can show."""
    tree = small_tree()
    period = parse("2024-Q3")
    rows = rolled_up(OWN, {code: parent for code, _, _, parent in AGENCIES})
    whole = {code: total(fields.values()) for code, fields in rows.items()}
    units = tuple(
        UnitRow(code, tree.name(code), tree.level(code), depth, tree.name("H15.31") if depth == 2 else "", whole[code])
        for code, depth in tree.walk()
        if depth
    )
    resolved = whole["H15"].resolved_total
    made = ReportFigures(
        period=period,
        known_at=datetime(2024, 9, 25, 1, 0, tzinfo=UTC).astimezone(ZoneInfo("Asia/Ho_Chi_Minh")),
        is_preliminary=False,
        province_code="H15",
        province_name="Đắk Lắk",
        province=whole["H15"],
        levels=level_blocks(by_level(tree, "H15"), NAMES, period.last, is_province=True),
        units=units,
        unit_forms={"H15.31": level_blocks(by_level(tree, "H15.31"), NAMES, period.last, is_province=False)},
        previous=PeriodCounts(parse("2024-Q2"), counts(1_000_000, 300, 100, 50, 5)),
        year_before=None,
        months=tuple(PeriodCounts(parse(f"2024-M0{m}"), counts(1000 * m, 10, 1, 5, 0)) for m in (7, 8, 9)),
        durations=Durations({0: 10, 1: resolved - 20, 40: 10}),
        quarantined=1234,
        metrics=metric_labels(),
        measures=measures_of(whole),
        unit_kinds={code: kind for code, _, kind, _ in AGENCIES},
        unit_fields={
            code: tuple(FieldRow(field, NAMES[field], numbers) for field, numbers in fields.items())
            for code, fields in rows.items()
        },
        forms=packaged_layouts(),
        unit_levels={
            unit.code: level_blocks(by_level(tree, unit.code), NAMES, period.last, is_province=False) for unit in units
        },
    )
    made.check()
    return made
