"""The tables that the judge looks at for portal exports: dossiers, payments and ratings.

Like `facts.dossier_table`: normalised columns and facts derived from them, no personal column at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from onestop.quality.facts import agencies_valid
from onestop.quality.reference import ReferenceIndex
from onestop.specs import EntitySpec

Mask = npt.NDArray[np.bool_]
_SCIENTIFIC = r"^[0-9](?:[.,][0-9]+)?E\+[0-9]+$"
_MOST_EXACT = 10**15  # Excel keeps 15 digits of a number; the others are lost


@dataclass(frozen=True)
class PortalFacts:
    """What is known of a chunk of n portal records beside its columns.

    columns, dates, unreadable_dates, legacy_texts: as in onestop.sources.records.Shaped.
    not_text: place of a record -> fields whose cells were numbers, or no label of their list.
    surplus: rows with more cells than the table has columns.
    is_single: false where the same file holds another record with the key.
    latest_allowed: now + 1 h, as 14 digits of local time.
    """

    columns: Mapping[str, pa.Array]
    dates: Mapping[str, Mask]
    unreadable_dates: npt.NDArray[np.int64]
    legacy_texts: npt.NDArray[np.int64]
    not_text: Mapping[int, set[str]]
    surplus: Mask
    is_single: Mask
    latest_allowed: str


def portal_table(facts: PortalFacts, spec: EntitySpec, reference: ReferenceIndex) -> pd.DataFrame:
    """Columns and facts of one chunk, one row per record, in the file's order."""
    shown = dict(facts.columns)
    for name, good in facts.dates.items():
        at = pc.if_else(pa.array(good), facts.columns[name], pa.scalar(None, pa.string()))
        shown[f"{name}__at"] = at
        shown[f"{name}__day"] = pc.utf8_slice_codeunits(at, 0, 8)
    table: pd.DataFrame = pa.table(shown).to_pandas()
    size = len(table)
    table["unreadable_dates"] = facts.unreadable_dates + _foreign_dates(facts, spec, size)
    table["legacy_texts"] = facts.legacy_texts
    table["latest_allowed__at"] = facts.latest_allowed
    table["cells_fit"] = ~facts.surplus
    table["content_is_single"] = facts.is_single
    if spec.entity == "dossier":
        _dossier_facts(table, shown, facts, reference)
    else:
        table["key_is_exact"] = _exact(shown[spec.by_field(spec.key).column or ""], facts, spec.key)
    if spec.entity == "payment":
        table["amount_is_number"] = pc.fill_null(
            pc.match_substring_regex(shown["so_tien"], r"^[0-9]+(?:\.[0-9]+)?$"), False
        ).to_numpy(zero_copy_only=False)
    return table


def _dossier_facts(
    table: pd.DataFrame, shown: Mapping[str, pa.Array], facts: PortalFacts, reference: ReferenceIndex
) -> None:
    size = len(table)
    table["agency_valid"] = agencies_valid(
        shown["don_vi_xu_ly"], shown["ngay_tiep_nhan__day"], shown["ngay_cap_nhat__day"], reference
    )
    table["procedure_is_text"] = ~_foreign(facts, "MaTTHC", size)
    table["status_is_label"] = ~_foreign(facts, "TrangThaiHoSo", size)
    table["channel_is_label"] = ~_foreign(facts, "KenhThucHien", size)


def _foreign(facts: PortalFacts, name: str, size: int) -> Mask:
    """Which records' field came as a number."""
    found = np.zeros(size, dtype=bool)
    for place, fields in facts.not_text.items():
        found[place] = name in fields
    return found


def _foreign_dates(facts: PortalFacts, spec: EntitySpec, size: int) -> npt.NDArray[np.int64]:
    """Dates that came as 14 digits, which is no form of a date in an export: read as text they would pass."""
    dates = {item.field: item.column for item in spec.fields if item.kind == "date"}
    found = np.zeros(size, dtype=np.int64)
    for place, fields in facts.not_text.items():
        found[place] = sum(bool(facts.dates[column][place]) for name in fields if (column := dates.get(name)))
    return found


def _exact(keys: pa.Array, facts: PortalFacts, key: str) -> list[bool]:
    """Whether each key is what was meant: no number with lost digits, and not in scientific notation."""
    scientific = pc.fill_null(pc.match_substring_regex(keys, _SCIENTIFIC), False).to_pylist()
    exact = [not odd for odd in scientific]
    for place, fields in facts.not_text.items():
        value = keys[place].as_py() or ""
        if key in fields and not (value.isdigit() and int(value) < _MOST_EXACT):
            exact[place] = False
    return exact
