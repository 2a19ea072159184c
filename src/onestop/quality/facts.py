"""The table that the judge looks at: a chunk's normalised columns and the facts derived from them.

It holds no personal column at all, so no rule, result or message can carry one.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from onestop.quality.reference import ReferenceIndex, two_parts
from onestop.specs import EntitySpec


def dossier_table(
    columns: Mapping[str, pa.Array],
    dates: Mapping[str, npt.NDArray[np.bool_]],
    counts: Mapping[str, npt.NDArray[np.int64]],
    rating_is_text: npt.NDArray[np.bool_],
    spec: EntitySpec,
    reference: ReferenceIndex,
    latest_allowed: str,
    content_is_single: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """Columns and facts of one chunk of dossiers, one row per record, in the delivery's order.

    Args:
        columns, dates: as in onestop.sources.records.Shaped.
        counts: unreadable_dates, bad_amounts, legacy_texts per record.
        rating_is_text: false where a rating came as something else than text.
        latest_allowed: now + 1 h, as 14 digits of local time.
        content_is_single: false where another content has the same key and version.
    """
    lists = {f.column for f in spec.fields if f.kind == "list"}
    shown = {name: values for name, values in columns.items() if name not in lists}
    for name, good in dates.items():
        at = pc.if_else(pa.array(good), columns[name], pa.scalar(None, pa.string()))
        shown[f"{name}__at"] = at
        shown[f"{name}__day"] = pc.utf8_slice_codeunits(at, 0, 8)
    first = pc.if_else(
        columns["ngay_hen_tra_ban_dau"].is_valid(), shown["ngay_hen_tra_ban_dau__day"], shown["ngay_hen_tra__day"]
    )
    shown["first_appointment__day"] = first
    table: pd.DataFrame = pa.table(shown).to_pandas()
    for name, values in counts.items():
        table[name] = values
    table["latest_allowed__at"] = latest_allowed
    table["rating_is_text"] = rating_is_text
    table["content_is_single"] = content_is_single
    received, updated = shown["ngay_tiep_nhan__day"].to_pylist(), shown["ngay_cap_nhat__day"].to_pylist()
    table["agency_valid"] = [
        reference.agency_valid(code, first_day, last_day)
        for code, first_day, last_day in zip(columns["don_vi_xu_ly"].to_pylist(), received, updated, strict=True)
    ]
    table["procedure_known"] = [
        code is not None and two_parts(code) in reference.procedures for code in columns["ma_tthc"].to_pylist()
    ]
    table["code_date_matches"] = _code_date_matches(columns["ma_ho_so"], shown["ngay_nop_ho_so__day"], received)
    return table


def _code_date_matches(codes: pa.Array, submitted: pa.Array, received: list[str | None]) -> pd.Series[bool]:
    """Whether the yymmdd inside the dossier code is the submission or receipt day; null where it cannot be compared."""
    inside = pc.struct_field(pc.extract_regex(codes, r"-(?P<day>\d{6})-\d{4,6}$"), "day").to_pylist()
    result: list[bool | None] = []
    for day, *others in zip(inside, submitted.to_pylist(), received, strict=True):
        known = [other[2:] for other in others if other]
        result.append(day in known if day and known else None)
    return pd.Series(result, dtype="boolean")
