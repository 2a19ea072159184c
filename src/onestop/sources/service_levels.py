"""Levels of online service, old and new, in one place: text of a list or a file -> 1, 2, 3 or 4.

Decree 42/2022 replaced the levels of Decree 43/2011: level 4 became "toàn trình" (full), level 3 "một phần" (partial);
1 and 2 only inform ("cung cấp thông tin"). The figures know the numbers alone.
"""

from __future__ import annotations

import re
import unicodedata

INFORMATION, PARTIAL, FULL = "Cung cấp thông tin", "Một phần", "Toàn trình"
LABELS = (INFORMATION, PARTIAL, FULL)
FIRST = 2
"""The number of the first label."""

_NUMBERS = {label.casefold(): str(number) for number, label in enumerate(LABELS, FIRST)}
_OLD = re.compile(r"(?:mức(?: độ)? )?([1-4])(?:\.0+)?", re.ASCII)
_PREFIX = re.compile(r"^(?:dịch vụ công trực tuyến|dvc trực tuyến|dvctt|dvc) ")


def level_of(text: str) -> str | None:
    """The level that a text names; None where it names none.

    Known are 1 to 4 (also as "mức độ 4", "4.0") and the three labels, with or without "dịch vụ công trực tuyến".
    """
    plain = _PREFIX.sub("", " ".join(unicodedata.normalize("NFC", text).casefold().split()))
    old = _OLD.fullmatch(plain)
    return old[1] if old else _NUMBERS.get(plain)
