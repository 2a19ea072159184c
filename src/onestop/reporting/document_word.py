"""The written report for Word: fills a template, `templates/document.docx` or the office's own (reports.template).

A template is a Word document with the names of `document` in it, as docxtpl reads them ({{ opening }}, {%tr for row in form %}).
Texts stay texts, whatever is in them. The same texts and template give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from docxtpl import DocxTemplate  # type: ignore[import-untyped]
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from onestop.errors import ConfigurationError
from onestop.reporting.literal import zipped

_TEMPLATE = Path(__file__).parent / "templates" / "document.docx"


def write_word(said: Mapping[str, Any], at: datetime, template: bytes | None = None) -> bytes:
    """The document's bytes; `at`: the moment that the file says it was made.

    Raises:
        ConfigurationError: the template is no Word document, or names what the report does not have.
    """
    try:
        document = DocxTemplate(BytesIO(template if template is not None else _TEMPLATE.read_bytes()))
        # The template comes from a file that anybody may have edited: it sees texts, and no Python.
        document.render(said, SandboxedEnvironment(undefined=StrictUndefined, autoescape=True), autoescape=True)
    except (TemplateError, BadZipFile, LookupError, ValueError, TypeError, ArithmeticError) as problem:
        raise ConfigurationError(
            f"the template of the written report cannot be filled: {problem}",
            next_step="correct reports.template (docs/editions.md has its names), or take it out of province.yml",
        ) from problem
    properties = document.docx.core_properties
    properties.title, properties.author = said["about"], f"{said['t']['authority']} {said['province']}"
    properties.created = properties.modified = at.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    buffer = BytesIO()
    document.save(buffer)
    with ZipFile(buffer) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()}, at)
