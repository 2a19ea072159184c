"""The quarter's other parts (feedback II.05, lateness II.07, digitisation II.08) as tables whose layout is configured.

Their official columns are not published with Circular 01/2020/TT-VPCP in a form at hand, so a layout is a file: a list of
columns, each a metric's value, numerator, denominator or the rest of the two, or left blank for the office's pen. The
package's own stand in `forms/`; `reports.forms` names a province's folder instead.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.reporting.layouts import Column, Layout
from onestop.reporting.measures import COUNTED
from onestop.reporting.model import LEVELS, Level, ReportFigures

PACKAGED = Path(__file__).parent / "forms"


@dataclass(frozen=True, slots=True)
class Line:
    """A row: a unit, or the province as the total (`code` its own, `level` None)."""

    code: str
    name: str
    level: Level | None
    values: tuple[Decimal | None, ...]


_LAYOUT = TypeAdapter(Layout)


def layouts(settings: Settings, metrics: Collection[str]) -> tuple[Layout, ...]:
    """The layouts of the province, or the package's, by file name.

    Args:
        settings: where `reports.forms` names the folder.
        metrics: the metrics that there are.

    Raises:
        ConfigurationError: a file cannot be read, is no layout, or names a metric that does not exist.
    """
    folder = settings.forms_path or PACKAGED
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise ConfigurationError(
            f"reports.forms: {folder} holds no layout (*.yml)",
            next_step="put layouts there, or take the line out of province.yml (docs/editions.md)",
        )
    return tuple(_read(file, metrics) for file in files)


def _read(file: Path, metrics: Collection[str]) -> Layout:
    try:
        layout = _LAYOUT.validate_python(
            yaml.safe_load(unicodedata.normalize("NFC", file.read_text(encoding="utf-8"))), strict=False
        )
        if unknown := sorted({c.metric for c in layout.columns if c.metric} - set(metrics)):
            raise ValueError(f"unknown metric: {', '.join(unknown)}")
    except (OSError, ValueError, TypeError, yaml.YAMLError, ValidationError) as problem:
        raise ConfigurationError(
            f"{file} is no layout of a form: {problem}",
            next_step="compare it with those of the package (docs/editions.md); metrics are those of mart.dim_metric",
        ) from problem
    return layout


def lines(layout: Layout, figures: ReportFigures) -> Iterator[Line]:
    """The rows: units with any number by level in the tree's order, the province last."""
    for level in LEVELS:
        for unit in figures.units:
            if unit.level == level:
                values = _values(layout.columns, figures, unit.code)
                if any(values):
                    yield Line(unit.code, unit.name, level, values)
    yield Line(figures.province_code, "", None, _values(layout.columns, figures, figures.province_code))


def _values(columns: Sequence[Column], figures: ReportFigures, unit: str) -> tuple[Decimal | None, ...]:
    measures = figures.measures.get(unit, {})

    def of(column: Column) -> Decimal | None:
        if column.metric is None:
            return None
        number = column.of(measures.get(column.metric))
        # The warehouse keeps no row of a count that is 0; one that is left out for the public is there, and empty.
        is_zero = column.metric not in measures and figures.metrics[column.metric].unit in COUNTED
        return Decimal(0) if is_zero else number

    return tuple(of(column) for column in columns)
