"""What sources that answer do not bring: no records for working days, silent units, days that no file covers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import psycopg

from onestop.config import PortalExportSource, Settings
from onestop.pipeline.entities import entity_of, portal_entity
from onestop.quality.delivery import SilenceCheck
from onestop.quality.history import working_days
from onestop.reporting.numbers_vi import day as day_vi
from onestop.timetable import last_due
from onestop.working_time import WorkingCalendar

LOOK_BACK = timedelta(days=90)
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as expected: the kind of its alert, what it is about, and what was seen."""

    kind: str
    subject: str
    evidence: str
    evidence_vi: str = ""


def silences(connection: psycopg.Connection[Any], settings: Settings, at: datetime) -> list[Finding]:
    """All of it, by source. Days off are not counted: the calendar is that of the warehouse."""
    with connection.cursor() as cursor:
        calendar = working_days(cursor)
    found: list[Finding] = []
    for source in settings.sources:
        # The day on which the newest run that must be over was due: what comes tonight is not missing yet.
        due = last_due(source.every, at - timedelta(minutes=settings.watch.start_within_minutes), settings.zone)
        today = (due or at).astimezone(settings.zone).date()
        found += _quiet(connection, settings, source.id, calendar, today)
        found += _units(connection, source.id, source.kind)
        if isinstance(source, PortalExportSource):
            found += _uncovered(connection, source.id, calendar, today)
    return found


def _quiet(
    connection: psycopg.Connection[Any], settings: Settings, source: str, calendar: WorkingCalendar, today: date
) -> Iterator[Finding]:
    """A night's delivery is about the day before: counted are working days of which nothing came, up to yesterday.

    A source that is usually silent longer, as one that sends a file a week, may be so twice as long.
    """
    rows = connection.execute(
        "select distinct day from ops.delivery where source_id = %s and records > 0 and day > %s order by day",
        [source, today - LOOK_BACK],
    ).fetchall()
    days = [row[0] - timedelta(days=1) for row in rows]
    if not days:
        return
    gaps = [calendar.working_days(before, after) for before, after in pairwise(days)]
    limit = max(settings.watch.silent_working_days, 2 * int(median(gaps)) if gaps else 0)
    silent = calendar.working_days(days[-1], today - timedelta(days=1))
    if silent >= limit:
        yield Finding(
            "source_silent",
            source,
            f"no record of the last {silent} working days; the newest delivery with records is of {days[-1]}",
            f"{silent} ngày làm việc gần nhất không có hồ sơ nào; lần có hồ sơ gần nhất là của ngày {day_vi(days[-1])}",
        )


def _units(connection: psycopg.Connection[Any], source: str, kind: str) -> Iterator[Finding]:
    """What the delivery rules found of the newest regular delivery that they could judge."""
    entities = [portal_entity("dossier")] if kind == "portal_export" else [entity_of(kind)]
    rules = [r.id for e in entities for r in e.book.delivery_rules if isinstance(r.check, SilenceCheck)]
    rows = connection.execute(
        "select subject, usual from ops.delivery_check where state = 'broken' and rule_id = any(%(rules)s) and batch_id ="
        " (select max(batch_id) from ops.delivery_check join ops.delivery using (batch_id)"
        " where source_id = %(source)s and rule_id = any(%(rules)s) and state <> 'not_judged') order by subject",
        {"rules": rules, "source": source},
    ).fetchall()
    if rows:
        named = ", ".join(f"{unit} ({usual:.0f})" for unit, usual in rows[:MOST_NAMED])
        more = f" +{len(rows) - MOST_NAMED}" if len(rows) > MOST_NAMED else ""
        yield Finding(
            "unit_silent",
            source,
            f"{len(rows)} units, usual records in brackets: {named}{more}",
            f"{len(rows)} đơn vị (trong ngoặc: số hồ sơ thường ngày): {named}{more}",
        )


def _uncovered(
    connection: psycopg.Connection[Any], source: str, calendar: WorkingCalendar, today: date
) -> Iterator[Finding]:
    rows = connection.execute(
        "select covers_from, covers_to from ops.portal_file where source_id = %s and entity = 'dossier'"
        " and covers_to > %s",
        [source, today - LOOK_BACK],
    ).fetchall()
    if not rows:
        return
    covered = {first + timedelta(days=n) for first, last in rows for n in range((last - first).days + 1)}
    first, last = max(min(covered), today - LOOK_BACK), max(covered)
    missing = [
        day
        for n in range((last - first).days)
        if (day := first + timedelta(days=n)) not in covered and calendar.is_working(day)
    ]
    if missing:
        more = f" +{len(missing) - MOST_NAMED}" if len(missing) > MOST_NAMED else ""
        yield Finding(
            "coverage_gap",
            source,
            f"{len(missing)} working days in no file: {', '.join(map(str, missing[:MOST_NAMED]))}{more}",
            f"{len(missing)} ngày làm việc không có trong tệp nào: {', '.join(map(day_vi, missing[:MOST_NAMED]))}{more}",
        )
