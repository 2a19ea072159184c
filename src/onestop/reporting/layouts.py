"""The layout of a table whose columns a province configures; see `other_forms` for where layouts come from. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from onestop.reporting.measures import Measure

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Column:
    """A column: of a metric, or blank; `show` rest is denominator less numerator. `group` heads neighbours of one name."""

    title_vi: str
    title_en: str
    group_vi: str = ""
    group_en: str = ""
    metric: str | None = None
    show: Literal["value", "numerator", "denominator", "rest"] = "value"

    def of(self, measure: Measure | None) -> Decimal | None:
        """The number in this column; None where there is none."""
        if measure is None:
            return None
        n, d = measure.numerator, measure.denominator
        if self.show == "rest":
            return d - n if n is not None and d is not None else None
        return {"value": measure.value, "numerator": n, "denominator": d}[self.show]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Layout:
    """A table: its form number (a label that the province may change), titles, remark, columns."""

    code: str
    title_vi: str
    title_en: str
    unit_vi: str
    unit_en: str
    columns: tuple[Column, ...]
    note_vi: str = ""
    note_en: str = ""

    def groups(self, vi: bool) -> list[tuple[str, int]]:
        """The heads above the columns: each group's name and how many columns it spans; columns without group alone."""
        found: list[tuple[str, int]] = []
        for column in self.columns:
            name = column.group_vi if vi else column.group_en
            if name and found and found[-1][0] == name:
                found[-1] = (name, found[-1][1] + 1)
            else:
                found.append((name, 1))
        return found
