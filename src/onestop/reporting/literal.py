"""Texts from sources stay texts in every product: no formula of a spreadsheet, no character that a file cannot hold. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

# Control characters that XML refuses, and surrogates that UTF-8 does.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def no_formula(value: Any) -> Any:
    """A value of a CSV cell; a text that a spreadsheet would take for a formula gets a mark before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def one_line(text: str) -> str:
    """A text as one line of a document: without what a file cannot hold, blanks and line ends made single blanks."""
    return re.sub(r"[\t\r\n\x85\u2028\u2029]+", " ", _UNWRITABLE.sub("", text)).strip()


def zipped(files: dict[str, bytes], at: datetime) -> bytes:
    """A ZIP archive; the same files and moment give the same bytes."""
    moment = at.astimezone(UTC)
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            entry = ZipInfo(name, (max(moment.year, 1980), *moment.timetuple()[1:6]))
            entry.create_system = 3  # whatever system writes it
            entry.external_attr = 0o644 << 16
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()
