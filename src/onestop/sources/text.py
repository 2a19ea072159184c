"""Text as sources deliver it, brought into one form: NFC, trimmed, codes upper case without inner blanks.

Nothing else about a value is changed (contracts/metrics.md, "Which dossiers count"). Text in the
legacy encodings TCVN3 and VNI is recognised, never converted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from onestop.sources.table_records import Column, TableRecords

# TCVN3 puts Vietnamese vowels on the places of these signs and of capitals; none stands inside a Vietnamese word.
_TCVN3 = (
    r"\p{L}[\x{A8}-\x{AD}\x{AE}\x{B5}-\x{BE}\x{D7}]\p{L}|(?:^|\s)[\x{A7}\x{AE}][\p{L}\x{A8}-\x{BE}]"
    r"|\p{Ll}[\x{C0}-\x{D6}\x{D8}-\x{DE}]"
)
# VNI writes a vowel and then a sign for its mark; none of these pairs occurs in a Vietnamese word.
_VNI = r"(?i:a[ùøûõïâáàåãäêéèúüë]|e[ùøûõïâáàåãä]|o[ùøûõïâåä]|[iuyôö][øûõïåäëæñ]|\bñ\p{L})"
# A syllable that ends in c, ch, p or t has no falling or tumbling tone ("thùc" is "thực" in TCVN3, "lòch" "lịch" in VNI).
_NO_SYLLABLE = r"\p{L}[àãèìòõù](?:ch?|p|t)(?:$|[^\p{L}])"
LEGACY_ENCODING = f"{_TCVN3}|{_VNI}|{_NO_SYLLABLE}"
_BLANK = 0x20
_SAMPLE = 1_000
# In UTF-8, what begins with a lower byte lies below U+0300 and is NFC; so are U+1E00 to U+1EFF, written E1 B8 to E1 BB.
_MAY_BE_DECOMPOSED = 0xCC
_PERHAPS_DECOMPOSED = r"[^\x{0}-\x{2FF}\x{1E00}-\x{1EFF}]"
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.uint8)


def as_text(value: Any) -> str | None:
    """One delivered value as text: numbers as written, true and false as 1 and 0, objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    return orjson.dumps(value).decode()


def text_array(values: pa.Array) -> pa.Array:
    """Strings as trimmed NFC text; empty text is null."""
    return _null_if_empty(_nfc(pc.utf8_trim_whitespace(values)))


def code_array(values: pa.Array) -> pa.Array:
    """Strings as codes: NFC, upper case, no blanks anywhere; empty is null."""
    codes = pc.ascii_upper(values)
    if (bytes_of(values) <= _BLANK).any():
        codes = pc.replace_substring_regex(codes, r"\s+", "")
    if not _ascii(values):
        foreign = pc.fill_null(pc.invert(pc.string_is_ascii(values)), False)
        bare = pc.replace_substring_regex(values.filter(foreign), r"[\s\p{Z}]+", "")
        codes = pc.replace_with_mask(codes, foreign, pc.utf8_normalize(pc.utf8_upper(bare), "NFC"))
    return _null_if_empty(codes)


def _nfc(values: pa.Array) -> pa.Array:
    """Only texts that hold a sign which may be decomposed are looked at one by one: that costs 50 times as much."""
    written = bytes_of(values)
    places = np.flatnonzero(written >= _MAY_BE_DECOMPOSED)
    if not len(places):
        return values
    second = written[np.minimum(places + 1, len(written) - 1)]
    if ((written[places] == 0xE1) & (second >= 0xB8) & (second <= 0xBB)).all():
        return values
    odd = pc.fill_null(pc.match_substring_regex(values, _PERHAPS_DECOMPOSED), False)
    return pc.replace_with_mask(values, odd, pc.utf8_normalize(values.filter(odd), "NFC"))


def bytes_of(values: pa.Array) -> npt.NDArray[np.uint8]:
    """All bytes of an array of strings, one after the other."""
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return np.zeros(0, dtype=np.uint8)
    ends = np.frombuffer(offsets, np.int32, len(values) + 1, values.offset * 4)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def strings_by_field(
    records: Sequence[Mapping[str, Any]], fields: Sequence[str]
) -> tuple[dict[str, pa.Array], dict[int, set[str]]]:
    """Fields of records as strings, and the places of those that came as something else: place -> fields.

    All at once where every value is text or null, else field by field.
    """
    if not isinstance(records, TableRecords):
        try:
            rows = pa.array(records, pa.struct([(field, pa.string()) for field in fields]))
            return dict(zip(fields, rows.flatten(), strict=True)), {}
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass
    arrays: dict[str, pa.Array] = {}
    not_text: dict[int, set[str]] = {}
    for field in fields:
        arrays[field], foreign = strings_of(values_of(records, field))
        for place in foreign:
            not_text.setdefault(place, set()).add(field)
    return arrays, not_text


def values_of(records: Sequence[Mapping[str, Any]], field: str) -> Column:
    """One field of records, None where a record lacks it."""
    return records.values(field) if isinstance(records, TableRecords) else [record.get(field) for record in records]


def strings_of(values: Column) -> tuple[pa.Array, list[int]]:
    """Delivered values as strings, and the places of those that came as something else."""
    if isinstance(values, pa.Array):
        return values, []
    try:
        return pa.array(values, pa.string()), []
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        foreign = [place for place, v in enumerate(values) if v is not None and not isinstance(v, str)]
        return pa.array([as_text(v) for v in values], pa.string()), foreign


def _ascii(values: pa.Array) -> bool:
    return pc.all(pc.string_is_ascii(values), skip_nulls=True).as_py() is not False


def _null_if_empty(values: pa.Array) -> pa.Array:
    empty = pc.equal(values, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), values) if pc.any(empty).as_py() else values


def readable(stamps: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values are 14 digits and a real moment (years 1 to 9999); null is not."""
    result = np.zeros(len(stamps), dtype=bool)
    long_enough = pc.fill_null(pc.equal(pc.binary_length(stamps), 14), False)
    places = np.flatnonzero(long_enough.to_numpy(zero_copy_only=False))
    if not len(places):
        return result
    written = bytes_of(stamps if len(places) == len(stamps) else stamps.filter(long_enough)).reshape(-1, 14)
    result[places] = are_moments(np.ascontiguousarray(written.T) - ord("0"))  # what stood before 0 is far above 9 now
    return result


def are_moments(digits: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which are real moments of the years 1 to 9999: fourteen rows, the digits of one moment below each other."""
    century, year, month, day, hour, minute, second = digits[::2] * 10 + digits[1::2]
    leap = (year % 4 == 0) & ((year != 0) | (century % 4 == 0))
    lengths = _DAYS[np.minimum(month, 12)] + (leap & (month == 2))
    found: npt.NDArray[np.bool_] = (
        (digits.max(axis=0) <= 9) & ((century | year) != 0) & (month >= 1) & (month <= 12) & (day >= 1)
        & (day <= lengths) & (hour <= 23) & (minute <= 59) & (second <= 59)
    )  # fmt: skip
    return found


def legacy_text(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values look like TCVN3 or VNI text."""
    if _ascii(values):
        return np.zeros(len(values), dtype=bool)
    start = values.slice(0, _SAMPLE)
    if 2 * pc.count_distinct(start).as_py() < len(start):  # names of procedures and the like: each is looked at once
        coded = values.dictionary_encode()
        found = pc.match_substring_regex(coded.dictionary, LEGACY_ENCODING).take(coded.indices)
    else:
        found = pc.match_substring_regex(values, LEGACY_ENCODING)
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)


def is_legacy(text: str) -> bool:
    """Whether one value looks like TCVN3 or VNI text."""
    return bool(legacy_text(pa.array([text], pa.string()))[0])
