"""Units speak first: each is sent its part of the draft and asked, its answers are read, the province replies."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.delivery import letter, log
from onestop.delivery.courier import Courier, Job
from onestop.errors import ConfigurationError, DataRefused, OnestopError
from onestop.periods import Period
from onestop.pipeline.delivery import Deliveries, check_units, chosen, has_figures, in_order, part
from onestop.pipeline.editions import somebody, warehouse
from onestop.reporting import answer_sheet
from onestop.reporting.answer_sheet import Answer, Question
from onestop.reporting.editions import products, store
from onestop.reporting.editions import unit_answers as kept
from onestop.reporting.editions.model import Edition, person, reason_text
from onestop.reporting.editions.unit_answers import Said, Stand, Statement
from onestop.reporting.model import ReportFigures
from onestop.reporting.unit_part import shown
from onestop.sources.workbook_guard import Limits, check_workbook

_CLOSES = clock_time(17)  # offices' hour
_LIMITS = Limits(packed=5_000_000, unpacked=50_000_000)


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said of an edition, and where each unit that was asked stands."""

    edition: Edition
    statements: tuple[Statement, ...]
    stands: dict[str, Stand]


def ask(
    settings: Settings,
    period: Period,
    *,
    clock: Callable[[], datetime],
    by: str | None = None,
    until: date | None = None,
    retry: bool = False,
    again: str | None = None,
    reason: str | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Deliveries:
    """Send each unit its part of the draft, with a sheet to answer on; see `delivery.deliver` for the rest.

    Args:
        until: the last day to answer, to 17:00; default: `delivery.answer_days` after now, or what was said before.

    Raises:
        OnestopError: there is no draft, or nobody receives for a unit.
    """
    who, said = (
        person(by or somebody()),
        reason_text(reason or "", "what is sent again needs a reason") if again else None,
    )
    wanted = tuple(one for one in chosen(settings, again) if one.unit)
    if not wanted:
        raise ConfigurationError(
            f"{settings.file.name} names nobody who receives for a unit",
            next_step="give recipients a `unit` (docs/configuration.md)",
        )
    with warehouse(settings) as connection, log.alone(connection, period):
        edition = _draft(connection, period)
        figures, _, _ = products.kept_figures(connection, edition, settings.zone)
        check_units(connection, edition, figures, wanted)
        jobs, before = [], kept.statements(connection, edition)
        for one in wanted:
            unit = str(one.unit)
            if has_figures(figures, unit):
                question = _question(settings, figures, unit, before, clock(), until)
                if not _was_asked(before, question):
                    asked = Said(unit, "asked", question.shown, who, clock(), deadline=question.answer_by)
                    kept.add(connection, edition, asked)
                jobs.append(Job(one, partial(part, edition, figures, unit, question)))
        courier = Courier(connection, settings, edition, "draft", letter.office(figures), who, clock, sleep)
        found = courier.bring(jobs, retry=retry, again=said)
    return Deliveries(edition, in_order(wanted, found))


def take(settings: Settings, period: Period, files: Sequence[Path], *, at: datetime) -> list[tuple[Path, str]]:
    """Keep the answers of returned workbooks; what was kept before is not kept twice. Each file with what it said.

    Raises:
        DataRefused: a file cannot be used; it is named, and those before it were kept.
        OnestopError: there is no draft any more.
    """
    done = []
    with warehouse(settings) as connection:
        edition = _draft(connection, period)
        for file in files:
            try:
                done.append((file, _take(connection, edition, file, at)))
            except (OnestopError, OSError) as problem:
                raise DataRefused(
                    f"{file.name}: {problem.message if isinstance(problem, OnestopError) else problem}",
                    next_step="have the unit fill in the sheet it was sent, and import that file",
                ) from None
    return done


def reply(
    settings: Settings, period: Period, statement: int, words: str, *, at: datetime, by: str | None = None
) -> Statement:
    """Keep the province's reply to a contested figure.

    Raises:
        OnestopError: there is no such statement, or the edition is no draft any more.
    """
    who, said = person(by or somebody()), reason_text(words, "a reply needs words: --words '...'")
    with warehouse(settings) as connection:
        edition = _draft(connection, period)
        for one in kept.statements(connection, edition):
            if one.statement_id == statement and one.kind == "contested":
                kept.add(
                    connection,
                    edition,
                    Said(one.agency_code, "replied", one.shown, who, at, answers=one.statement_id, words=said),
                )
                return one
    raise OnestopError(
        f"{edition.name}: {statement} is no contested figure",
        next_step=f"choose one of: onestop quarter answers {period}",
    )


def answers(settings: Settings, period: Period, *, at: datetime, version: int | None = None) -> Answers:
    """What was said of an edition, the newest where none is named."""
    with warehouse(settings) as connection:
        edition = store.edition(connection, period, version)
        found = kept.statements(connection, edition)
        return Answers(edition, tuple(found), kept.stands(connection, edition, settings.zone, at))


def _take(connection: psycopg.Connection[Any], edition: Edition, file: Path, at: datetime) -> str:
    content = file.read_bytes()
    answer = _read(content)
    if answer.period != str(edition.value):
        raise OnestopError(f"it answers {answer.period}, not {edition.value}")
    sha256, before = hashlib.sha256(content).hexdigest(), kept.statements(connection, edition)
    if any(one.file_sha256 == sha256 for one in before):
        return f"{answer.agency_code}: was kept before"
    if not any(one.agency_code == answer.agency_code and one.shown == answer.shown for one in before):
        raise OnestopError(f"{answer.agency_code} was never asked about these figures")
    said = partial(Said, answer.agency_code, shown=answer.shown, by_whom=person(answer.by_whom), happened_at=at)
    with connection.transaction():
        if not answer.objections:
            kept.add(connection, edition, said(kind="confirmed", words=answer.words or None, file_sha256=sha256))
        for one in answer.objections:
            contested = said(
                kind="contested",
                column_name=one.column_name,
                dossier_codes=one.dossier_codes,
                words=one.words,
                file_sha256=sha256,
            )
            kept.add(connection, edition, contested)
    return f"{answer.agency_code}: " + (
        f"contested, {len(answer.objections)} objections" if answer.objections else "confirmed"
    )


def _read(content: bytes) -> Answer:
    from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound

    check_workbook(BytesIO(content), len(content), _LIMITS)
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(content))
        return answer_sheet.read(book.get_sheet_by_name(answer_sheet.SHEET).to_python(skip_empty_area=False))
    except (CalamineError, WorksheetNotFound) as problem:
        raise OnestopError(f"it has no sheet {answer_sheet.SHEET} that can be read ({problem})") from None


def _draft(connection: psycopg.Connection[Any], period: Period) -> Edition:
    found = store.edition(connection, period)
    if found.status != "draft":
        raise OnestopError(
            f"{found.name} is {found.status}: units speak before an edition is approved",
            next_step=f"a later truth is a new draft: onestop quarter restate {period} --reason '...'",
        )
    return found


def _question(
    settings: Settings, figures: ReportFigures, unit: str, before: Sequence[Statement], at: datetime, until: date | None
) -> Question:
    """What a unit is asked. The same figures keep the deadline that was said with them."""
    code = shown(figures, unit)
    said = [one.deadline for one in before if one.agency_code == unit and one.shown == code and one.deadline]
    day = until or at.astimezone(settings.zone).date() + timedelta(days=settings.delivery.answer_days)
    answer_by = said[-1] if said and until is None else datetime.combine(day, _CLOSES, settings.zone)
    return Question(figures.period, unit, figures.unit(unit).name, code, answer_by.astimezone(settings.zone))


def _was_asked(before: Sequence[Statement], question: Question) -> bool:
    return any(
        (one.kind, one.agency_code, one.shown, one.deadline)
        == ("asked", question.agency_code, question.shown, question.answer_by)
        for one in before
    )
