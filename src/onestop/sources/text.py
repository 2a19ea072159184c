"""Text as sources deliver it, brought into one form: NFC, trimmed, codes upper case without inner blanks.

Nothing else about a value is changed (contracts/metrics.md, "Which dossiers count"). Text in the
legacy encodings TCVN3 and VNI is recognised, never converted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

# TCVN3 puts Vietnamese vowels on the places of these signs; none of them stands inside a Vietnamese word.
_TCVN3 = r"\p{L}[\x{A8}-\x{AD}\x{AE}\x{B5}-\x{BE}\x{D7}]\p{L}|(?:^|\s)[\x{A7}\x{AE}][\p{L}\x{A8}-\x{BE}]"
# VNI writes a vowel and then a sign for its mark; none of these pairs occurs in a Vietnamese word.
_VNI = r"(?i:a[ùøûõïâáàåãäêéèúüë]|e[ùøûõïâáàåãä]|o[ùøûõïâåä]|[iuyôö][øûõïåäëæñ]|\bñ\p{L})"
LEGACY_ENCODING = f"{_TCVN3}|{_VNI}"
LONGEST_LABEL = 200  # characters: shorter texts repeat, so what was found about them is remembered


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
    trimmed = pc.utf8_trim_whitespace(values)
    return _null_if_empty(trimmed if _ascii(values) else pc.utf8_normalize(trimmed, "NFC"))


def code_array(values: pa.Array) -> pa.Array:
    """Strings as codes: NFC, upper case, no blanks anywhere; empty is null."""
    if _ascii(values):
        bare = pc.replace_substring_regex(pc.ascii_upper(values), r"\s+", "")
        return _null_if_empty(bare)
    bare = pc.replace_substring_regex(values, r"[\s\p{Z}]+", "")
    return _null_if_empty(pc.utf8_normalize(pc.utf8_upper(bare), "NFC"))


def strings_of(values: Sequence[Any]) -> tuple[pa.Array, list[int]]:
    """Delivered values as strings, and the places of those that came as something else."""
    try:
        return pa.array(values, pa.string()), []
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        foreign = [place for place, v in enumerate(values) if v is not None and not isinstance(v, str)]
        return pa.array([as_text(v) for v in values], pa.string()), foreign


def _ascii(values: pa.Array) -> bool:
    return pc.all(pc.string_is_ascii(values), skip_nulls=True).as_py() is not False


def _null_if_empty(values: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def readable(stamps: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values are 14 digits and a real moment (years 1 to 9999); null is not."""
    digits = pc.fill_null(pc.match_substring_regex(stamps, r"^\d{14}$"), False).to_numpy(zero_copy_only=False)
    result = np.zeros(len(stamps), dtype=bool)
    if not digits.any():
        return result
    number = pc.cast(stamps.filter(pa.array(digits)), pa.int64()).to_numpy()
    year, month, day = number // 10**10, number // 10**8 % 100, number // 10**6 % 100
    hour, minute, second = number // 10**4 % 100, number // 100 % 100, number % 100
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[np.clip(month, 0, 12)] + (
        leap & (month == 2)
    )
    result[digits] = (
        (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= lengths)
        & (hour <= 23) & (minute <= 59) & (second <= 59)
    )  # fmt: skip
    return result


def legacy_text(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values look like TCVN3 or VNI text."""
    if _ascii(values):
        return np.zeros(len(values), dtype=bool)
    found = pc.fill_null(pc.match_substring_regex(values, LEGACY_ENCODING), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def clean_text(value: Any) -> str | None:
    """One value as text_array makes it."""
    if isinstance(value, str) and value.isascii():
        return value.strip() or None
    text = as_text(value)
    if text is None:
        return None
    return _clean(text) if len(text) <= LONGEST_LABEL else _clean.__wrapped__(text)


@lru_cache(maxsize=4096)
def _clean(text: str) -> str | None:
    return unicodedata.normalize("NFC", text.strip()) or None


def is_legacy(text: str) -> bool:
    """Whether one value looks like TCVN3 or VNI text."""
    if text.isascii():
        return False
    return _is_legacy(text) if len(text) <= LONGEST_LABEL else _is_legacy.__wrapped__(text)


@lru_cache(maxsize=4096)
def _is_legacy(text: str) -> bool:
    return bool(legacy_text(pa.array([text], pa.string()))[0])
