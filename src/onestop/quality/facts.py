"""The table that the judge looks at: a chunk's normalised columns and the facts derived from them.

It holds no personal column at all, so no rule, result or message can carry one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from onestop.quality.reference import ReferenceIndex, two_parts
from onestop.specs import EntitySpec

Mask = npt.NDArray[np.bool_]
_NO_DAY = 10**9  # later than every day written as a number


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
    received, updated = shown["ngay_tiep_nhan__day"], shown["ngay_cap_nhat__day"]
    table["agency_valid"] = agencies_valid(columns["don_vi_xu_ly"], received, updated, reference)
    table["procedure_known"] = by_value(columns["ma_tthc"], lambda code: two_parts(code) in reference.procedures)
    table["code_date_matches"] = _code_date_matches(columns["ma_ho_so"], shown["ngay_nop_ho_so__day"], received)
    return table


def by_value(codes: pa.Array, holds: Callable[[str], bool]) -> Mask:
    """Which values something holds of, asked once for each value that there is; it does not of null."""
    coded = codes.dictionary_encode()
    answers = np.array([holds(code) for code in coded.dictionary.to_pylist()] + [False], dtype=bool)
    return np.asarray(answers[pc.fill_null(coded.indices, len(answers) - 1).to_numpy(zero_copy_only=False)])


def agencies_valid(codes: pa.Array, first_days: pa.Array, last_days: pa.Array, reference: ReferenceIndex) -> Mask:
    """`ReferenceIndex.agency_valid` of a chunk: all records of one unit at once."""
    coded = codes.dictionary_encode()
    units = pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy(zero_copy_only=False)
    first, last = _day_numbers(first_days), _day_numbers(last_days)
    valid = np.zeros(len(codes), dtype=bool)
    spans = [reference.agencies.get(code, []) for code in coded.dictionary.to_pylist()] + [[]]
    for number in range(max(map(len, spans))):
        # The unit's span of that number; of a unit that has fewer, one that no day lies in.
        begins, ends = np.array([_span(own, number) for own in spans], dtype=np.int64).T
        valid |= (begins[units] <= last) & (ends[units] >= first)
    known = np.array([bool(own) for own in spans], dtype=bool)[units]
    return np.asarray(known & (valid | (first < 0) | (last < 0)), dtype=bool)


def _span(spans: Sequence[tuple[str, str]], number: int) -> tuple[int, int]:
    return (int(spans[number][0]), int(spans[number][1])) if number < len(spans) else (_NO_DAY, -_NO_DAY)


def _day_numbers(days: pa.Array) -> npt.NDArray[np.int64]:
    """Days as numbers, -1 where there is none."""
    return np.asarray(pc.fill_null(pc.cast(days, pa.int64()), -1).to_numpy(zero_copy_only=False))


def _code_date_matches(codes: pa.Array, submitted: pa.Array, received: pa.Array) -> pd.Series[bool]:
    """Whether the yymmdd inside the dossier code is the submission or receipt day; null where it cannot be compared."""
    inside = pc.struct_field(pc.extract_regex(codes, r"-(?P<day>\d{6})-\d{4,6}$"), "day")
    first, second = (pc.equal(inside, pc.utf8_slice_codeunits(days, 2, 8)) for days in (submitted, received))
    matches = pc.coalesce(pc.or_(first, second), first, second)  # null where it is null of both
    return pd.Series(matches.to_pandas(), dtype="boolean")
