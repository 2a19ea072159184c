"""What a load puts into raw, counted while it passes: records by unit and by value, and the warnings of each unit.

Who counted in raw what was just written there would read every row again while nothing else goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

AGENCY = "don_vi_xu_ly"
LONGEST = 200  # characters of a unit or value that are kept: what is no code can be a megabyte


@dataclass
class Counted:
    """The accepted rows of one delivery.

    columns: those whose values are counted, beside the unit.
    values: dimension (agency or a column), and value -> records. warned: rule, and unit or None -> records.
    """

    columns: Sequence[str]
    values: Counter[tuple[str, str]] = field(default_factory=Counter)
    warned: Counter[tuple[str, str | None]] = field(default_factory=Counter)

    def note(self, columns: Mapping[str, pa.Array], warnings: Sequence[str | None]) -> None:
        """Rows by their columns in raw; `warnings` as array literals of rules."""
        for dimension, name in (("agency", AGENCY), *((name, name) for name in self.columns)):
            if name in columns:
                found = pc.value_counts(_cut(columns[name]))
                for value, records in zip(*(part.to_pylist() for part in found.flatten()), strict=True):
                    if value is not None:
                        self.values[dimension, value] += records
        if any(warnings):
            units = _cut(columns[AGENCY]).to_pylist() if AGENCY in columns else [None] * len(warnings)
            for (warning, unit), records in Counter(zip(warnings, units, strict=True)).items():
                for rule in warning.strip("{}").split(",") if warning else ():
                    self.warned[rule, unit] += records


def _cut(values: pa.Array) -> pa.Array:
    return pc.utf8_slice_codeunits(values, 0, LONGEST)
