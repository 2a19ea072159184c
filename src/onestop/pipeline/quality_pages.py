"""The quality page of a day and its Data Docs, written under `<reports.path>/quality/<day>/`; nothing is judged again."""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import date
from pathlib import Path

from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.logs import say
from onestop.pipeline.entities import entity_of, portal_entity
from onestop.quality.rules import RuleBook, reference_rules
from onestop.reporting.quality_day import QualityDay, RuleText, read_day
from onestop.reporting.quality_page import write_quality_page
from onestop.reporting.wording import Language
from onestop.sources.reference import FILES
from onestop.warehouse.connection import connect, warehouse_dsn

_log = logging.getLogger(__name__)
PAGE, DOCS = "index.html", "data-docs"
COUNTS = """
    select s.kind, r.source_id, r.entity, r.rule_id, r.checked, r.failed
    from mart.quality_rule_day r join ops.source s on s.source_id = r.source_id
    where r.day = %s and r.agency_code = '*' order by s.position, r.source_id, r.entity, r.rule_id
"""


def rule_texts() -> dict[tuple[str, str], RuleText]:
    """What every rule of the expectation files is called, by entity and id (PT-000 speaks of three kinds of file)."""
    entities = [entity_of("one_stop_api"), entity_of("feedback_api")]
    entities += [portal_entity(name) for name in ("dossier", "payment", "rating")]
    rules = [(entity.spec.entity, rule) for entity in entities for rule in entity.book.rules]
    rules += [(kind.entity, rule) for kind in FILES if (book := reference_rules(kind.entity)) for rule in book.rules]
    return {(entity, r.id): RuleText(r.action, r.owner, r.message_vi, r.message_en) for entity, r in rules}


def quality_page(settings: Settings, day: date | None, language: Language | None = None) -> tuple[QualityDay, Path]:
    """Write the page of a day; by default of the newest on which something was delivered.

    Raises:
        OnestopError: the models were not built, nothing was delivered then, or the file cannot be written.
    """
    with closing(connect(warehouse_dsn(settings, "publisher"), role="publisher")) as connection:
        quality = read_day(
            connection, day, zone=settings.zone, province_name=settings.province.name_vi, texts=rule_texts()
        )
    page = write_quality_page(quality, language or settings.reports.language)
    folder = settings.reports_path / "quality" / str(quality.day)
    written = write_pages(folder, {PAGE: page})[0]
    say(_log, "quality page", day=quality.day)
    return quality, written


def quality_docs(settings: Settings, day: date) -> list[Path]:
    """Write GX's Data Docs of a day: a page per source and entity, and an index, which comes first.

    Raises:
        OnestopError: nothing was judged on that day, or a file cannot be written.
    """
    from onestop.quality.data_docs import SuiteDay, data_docs  # GX takes seconds to import

    with closing(connect(warehouse_dsn(settings, "publisher"), role="publisher")) as connection:
        rows = connection.execute(COUNTS, [day]).fetchall()
    counts: dict[tuple[str, str, str], dict[str, tuple[int, int]]] = {}
    for kind, source_id, entity, rule_id, checked, failed in rows:
        counts.setdefault((kind, source_id, entity), {})[rule_id] = (checked, failed)
    if not counts:
        raise OnestopError(f"nothing was judged on {day}", next_step="choose a day on which something was delivered")
    suites = [
        SuiteDay(source_id, entity, book, {r.id: by[r.id] for r in book.row_rules if r.id in by})
        for (kind, source_id, entity), by in counts.items()
        for book in [_book(kind, entity)]
    ]
    return write_pages(settings.reports_path / "quality" / str(day) / DOCS, data_docs(day, suites))


def _book(kind: str, entity: str) -> RuleBook:
    return portal_entity(entity).book if kind == "portal_export" else entity_of(kind).book


def write_pages(folder: Path, pages: dict[str, str]) -> list[Path]:
    """Write files into a folder, each whole or as it was.

    Raises:
        OnestopError: one cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in pages.items():
            new = folder / f".{name}.new"
            new.write_text(content, encoding="utf-8")
            written.append(new.replace(folder / name))
    except OSError as problem:
        raise OnestopError(
            f"{problem.filename or folder} cannot be written: {problem.strerror or problem}",
            next_step="free some space or correct the folder's rights (reports.path in province.yml), then ask again",
        ) from problem
    return written
