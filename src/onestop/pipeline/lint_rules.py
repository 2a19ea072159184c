"""`python -m onestop.pipeline.lint_rules [FOLDER]`: check the expectation files; exit code 1 with every mistake named."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from onestop.clock import to_stamp
from onestop.pipeline.entities import Entity, Known, entity_of, portal_entity
from onestop.quality.examples import REFERENCE, Played
from onestop.quality.lint import lint
from onestop.quality.rules import RuleBook
from onestop.resources import resource
from onestop.sources.records import shape
from onestop.sources.reference import FILES
from onestop.specs import load_spec

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
ENTITIES: dict[str, Callable[[], Entity]] = {
    "one_stop/dossier": lambda: entity_of("one_stop_api"),
    "feedback/feedback_case": lambda: entity_of("feedback_api"),
    "portal/dossier": lambda: portal_entity("dossier"),
    "portal/payment": lambda: portal_entity("payment"),
    "portal/rating": lambda: portal_entity("rating"),
}
"""Every expectation file of records, and what is judged by it."""
SPECS = {name: load_spec(name.replace("/", "_").removeprefix("feedback_")) for name in ENTITIES}


def table_of(book: RuleBook, played: list[Played]) -> pd.DataFrame:
    """The judge's table of a book's examples, at the moment of its own example."""
    entity = next(ENTITIES[name]() for name, spec in SPECS.items() if load_spec(book.spec) is spec)
    records = [example.record for example in played]
    if entity.prepare:
        records = [entity.prepare(record, ZONE) for record in records]
    shaped = shape(records, entity.spec, first_row=1, hash_key=b"examples are no secret of anybody")
    latest = to_stamp(datetime.fromisoformat(book.example.as_of) + timedelta(hours=1), ZONE)
    return entity.table(shaped, Known(REFERENCE, latest, np.array([example.is_single for example in played])))


def judged(book: RuleBook, played: list[Played]) -> list[set[str]]:
    """The ids of the rules that each example breaks."""
    from onestop.quality.judge import Judge

    verdict = Judge(book)(table_of(book, played), np.zeros(len(played), dtype=bool))
    return [{rule for rule, rows in verdict.broken.items() if rows[place]} for place in range(len(played))]


def _play(book: RuleBook) -> tuple[frozenset[str], Callable[[list[Played]], list[set[str]]]]:
    columns = table_of(book, [Played(None, True, book.example.record, True)]).columns
    return frozenset(columns), lambda played: judged(book, played)


def problems(folder: Path) -> list[str]:
    """Every mistake of the expectation files of a folder."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return lint(folder, SPECS, {kind.entity: kind.name for kind in FILES}, _play)


def main() -> None:
    """Check, say, end."""
    found = problems(Path(sys.argv[1]) if len(sys.argv) > 1 else resource("expectations"))
    for problem in found:
        sys.stderr.write(f"{problem}\n")
    if found:
        sys.stderr.write(f"{len(found)} mistakes in the expectation files\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
