"""The written report as PDF: `templates/document.typ` lays out the texts of `document`.

Made by typst with the fonts that it brings, never the machine's: the same texts give the same bytes, and nothing is fetched.
Texts reach the layout as data, so none can become markup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

_LAYOUT = Path(__file__).parent / "templates" / "document.typ"


def write_pdf(said: Mapping[str, Any], at: datetime) -> bytes:
    """The PDF's bytes; `at`: the moment that the file says it was made."""
    made: bytes = typst.compile(
        _LAYOUT,
        font_paths=[],
        ignore_system_fonts=True,
        sys_inputs={"said": json.dumps(said, ensure_ascii=False)},
        timestamp=int(at.timestamp()),
    )
    return made
