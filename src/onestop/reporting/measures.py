"""What each unit reached in each metric: beside former periods, target and rank, and what a reader is told of it. Pure.

A traffic light is always words as well: "Đạt chỉ tiêu", "Gần đạt", "Chưa đạt". A ratio over a handful of dossiers is marked,
because one dossier more or less would move it by points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

Light = Literal["met", "near", "missed"]

# Units of metrics that are plain counts.
COUNTED = ("dossier", "case")
# A rate of a handful of dossiers ranks nobody.
SMALL = 30
# How far below its target a figure still is "near": points of a ratio, or a share of any other target.
NEAR = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class MetricLabel:
    """A metric as the registry has it; `unit`: ratio, dossier, case, working day or point."""

    name_vi: str
    name_en: str
    unit: str
    direction: str
    legal_basis: str
    version: int
    target_basis: tuple[str, ...] = ()


class Measure(NamedTuple):
    """A unit's figure of one metric, for all fields together; kept as a plain list in an edition.

    A ratio has numerator and denominator, a count a numerator alone; `value` is the ratio, or the number itself.
    `previous` and `last_year` are values of the period before and of the same period of last year. `rank` is None where the
    unit is not ranked (too few dossiers); `ranked` counts the units that are.
    """

    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal | None
    previous: Decimal | None = None
    last_year: Decimal | None = None
    target: Decimal | None = None
    rank: int | None = None
    ranked: int | None = None

    @property
    def is_small(self) -> bool:
        """Whether the ratio rests on fewer than SMALL cases."""
        return self.denominator is not None and self.denominator < SMALL

    def light(self, label: MetricLabel) -> Light | None:
        """How the figure stands to its target; None where it has none, or no better end."""
        if self.value is None or self.target is None or label.direction == "neutral":
            return None
        short = self.target - self.value if label.direction == "higher_is_better" else self.value - self.target
        if short <= 0:
            return "met"
        return "near" if short <= (NEAR if label.unit == "ratio" else NEAR * abs(self.target)) else "missed"


Measures = Mapping[str, Mapping[str, Measure]]
"""Unit -> metric -> figure."""
