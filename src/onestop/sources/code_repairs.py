"""Which codes normalisation changed, and how: each such repair is recorded (onestop.quality.repairs)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Repaired:
    """The codes of one field that were changed: their places in the chunk, as delivered, as kept."""

    places: npt.NDArray[np.intp]
    before: pa.Array
    after: pa.Array

    def some(self, kept: npt.NDArray[np.bool_]) -> Repaired:
        """Those of the records that a mask keeps; places are then those among the kept ones."""
        stay = kept[self.places]
        return Repaired((np.cumsum(kept) - 1)[self.places[stay]], self.before.filter(stay), self.after.filter(stay))


def repaired(before: pa.Array, after: pa.Array) -> Repaired | None:
    """What differs; a code of blanks alone, which is no code, counts as missing and not as repaired."""
    changed = pc.fill_null(pc.not_equal(before, after), False)
    places = np.flatnonzero(changed.to_numpy(zero_copy_only=False))
    return Repaired(places, before.filter(changed), after.filter(changed)) if len(places) else None
