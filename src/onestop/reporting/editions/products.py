"""The products of an edition: rendered from its frozen figures alone, kept as bytes, written into its own folder."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from pydantic import TypeAdapter

from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.reporting.document import contents
from onestop.reporting.document_word import write_word
from onestop.reporting.draft import render, write_products
from onestop.reporting.editions.earlier import earlier
from onestop.reporting.editions.model import Edition
from onestop.reporting.editions.store import file_hash
from onestop.reporting.model import EditionMark, ReportFigures
from onestop.reporting.public import public
from onestop.reporting.wording import Language

_FIGURES = TypeAdapter(ReportFigures)
_REPORTING = Path(__file__).resolve().parents[1]
_SOURCES = frozenset((".py", ".j2", ".css", ".js", ".yml", ".typ", ".docx"))
_WRITERS = ("onestop", "xlsxwriter", "jinja2", "docxtpl", "python-docx", "typst")


def as_text(figures: ReportFigures, language: Language, template: bytes | None = None) -> str:
    """The figures of a draft as they are kept: everything that a product shows, in which language, in which template.

    Raises:
        ConfigurationError: the template cannot be filled; once approved it would be too late to say so.
    """
    kept: dict[str, Any] = {"language": language, "figures": _FIGURES.dump_python(figures, mode="json")}
    if template is not None:
        signed = replace(figures, edition=EditionMark(1, "0" * 64, "-", figures.known_at, None))
        write_word(contents(signed), figures.known_at, template)
        kept["template"] = base64.b64encode(template).decode()
    return json.dumps(kept, ensure_ascii=False, indent=1)


def render_edition(connection: psycopg.Connection[Any], edition: Edition, zone: ZoneInfo) -> dict[str, bytes]:
    """The files of an approved or published edition by name, made anew from what it keeps.

    Raises:
        OnestopError: the edition is a draft, or its figures cannot be read by this program.
    """
    if edition.sha256 is None:
        raise OnestopError(
            f"{edition.name} is a draft", next_step=f"approve it: onestop quarter approve {edition.value}"
        )
    shown, language, template = kept_figures(connection, edition, zone)
    open_to_all = public(shown, earlier(connection, edition)) if shown.least > 1 else shown
    return render(shown, language, "published", template, open_to_all)


def kept_figures(
    connection: psycopg.Connection[Any], edition: Edition, zone: ZoneInfo
) -> tuple[ReportFigures, Language, bytes | None]:
    """What an edition keeps for its files: figures with its mark (a draft has none), language, the office's template.

    Raises:
        OnestopError: this program cannot read them.
    """
    row = connection.execute(
        "select figures from published.report_figures where edition_id = %s", [edition.edition_id]
    ).fetchone()
    try:
        kept = json.loads(row[0] if row else "")
        figures = _FIGURES.validate_python(kept["figures"])
        template = base64.b64decode(kept["template"]) if "template" in kept else None
    except (ValueError, KeyError, TypeError) as problem:
        raise OnestopError(
            f"{edition.name}: its figures cannot be read by this version of onestop",
            next_step=f"its files are kept: onestop quarter files {edition.value} --edition {edition.version}",
        ) from problem
    shown = replace(figures, known_at=figures.known_at.astimezone(zone), edition=_mark(edition, zone))
    return shown, kept["language"], template


def _mark(edition: Edition, zone: ZoneInfo) -> EditionMark | None:
    if edition.sha256 is None or edition.approved_by is None or edition.approved_at is None:
        return None
    return EditionMark(
        version=edition.version,
        sha256=edition.sha256,
        approved_by=edition.approved_by,
        approved_at=edition.approved_at.astimezone(zone),
        reason=edition.reason,
    )


def keep(connection: psycopg.Connection[Any], edition: Edition, files: Mapping[str, bytes]) -> None:
    """Store the files of an edition that is about to be published."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into published.product (edition_id, file_name, sha256, renderer, bytes) values (%s, %s, %s, %s, %s)",
            [(edition.edition_id, name, file_hash(content), renderer(), content) for name, content in files.items()],
        )


def kept(connection: psycopg.Connection[Any], edition: Edition) -> dict[str, tuple[bytes, str, str]]:
    """The stored files: name -> bytes, SHA-256, renderer."""
    rows = connection.execute(
        "select file_name, bytes, sha256, renderer from published.product where edition_id = %s order by file_name",
        [edition.edition_id],
    ).fetchall()
    return {name: (bytes(content), sha256, made_by) for name, content, sha256, made_by in rows}


def write(settings: Settings, edition: Edition, files: Mapping[str, bytes]) -> list[Path]:
    """Write the files into the edition's folder, all or none, and give back where they are."""
    return write_products(settings, edition.value, edition.folder, files)


def folder(settings: Settings, edition: Edition) -> Path:
    """Where the edition's files lie."""
    return settings.reports_path / edition.value.folder / edition.folder


@cache
def renderer() -> str:
    """What renders products here: onestop's reporting code and its writers, by version and hash.

    Only the same renderer can be held to the same bytes.
    """
    sources: Sequence[Path] = sorted(
        path
        for path in _REPORTING.rglob("*")
        if path.suffix in _SOURCES and _REPORTING / "editions" not in path.parents
    )
    whole = hashlib.sha256()
    for path in sources:
        whole.update(path.relative_to(_REPORTING).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    writers = " ".join(f"{name} {version(name)}" for name in _WRITERS)
    return f"{writers} {whole.hexdigest()[:16]}"
