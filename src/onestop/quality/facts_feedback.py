"""The table that the judge looks at for cases of the feedback system: normalised columns and facts derived from them.

It holds no personal column at all, so no rule, result or message can carry one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from onestop.quality.facts import by_value
from onestop.quality.reference import ReferenceIndex


def feedback_table(
    columns: Mapping[str, pa.Array],
    dates: Mapping[str, npt.NDArray[np.bool_]],
    unreadable_dates: npt.NDArray[np.int64],
    reference: ReferenceIndex,
    latest_allowed: str,
) -> pd.DataFrame:
    """Columns and facts of one chunk of cases, one row per record, in the delivery's order.

    Args:
        columns, dates: as in onestop.sources.records.Shaped, of records normalised before.
        unreadable_dates: how many of each record's dates cannot be read.
        latest_allowed: now + 1 h, as 14 digits of local time.
    """
    shown = dict(columns)
    for name, good in dates.items():
        at = pc.if_else(pa.array(good), columns[name], pa.scalar(None, pa.string()))
        shown[f"{name}__at"] = at
        shown[f"{name}__day"] = pc.utf8_slice_codeunits(at, 0, 8)
    table: pd.DataFrame = pa.table(shown).to_pandas()
    table["unreadable_dates"] = unreadable_dates
    table["latest_allowed__at"] = latest_allowed
    # A case that no unit has yet is nobody's fault; a unit need not be valid today, only known (rule PA-011).
    units = columns["don_vi_xu_ly"]
    table["agency_known"] = by_value(units, reference.agencies.__contains__) | units.is_null().to_numpy(
        zero_copy_only=False
    )
    return table
