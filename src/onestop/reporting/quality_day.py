"""Reads what the quality page of one day shows: counts by rule, source and unit from `mart`, the batches from `ops`.

No value of a record is read, only counts, codes of units, rule ids and what runs said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from onestop.errors import OnestopError

TREND_DAYS = 14
UNITS_SHOWN = 15


@dataclass(frozen=True, slots=True)
class RuleText:
    """What a rule is called and who answers for it."""

    action: str
    owner: str
    message_vi: str
    message_en: str

    def message(self, language: str) -> str:
        """In one of the two languages."""
        return self.message_vi if language == "vi" else self.message_en


@dataclass(frozen=True, slots=True)
class SourceDay:
    """One source's scorecard of the day, and its uptime and mean delay of the week."""

    source_id: str
    runs: int
    runs_reached: int
    received: int
    accepted: int
    quarantined: int
    duplicate: int
    refused: int
    corrections: int
    delay_hours: Decimal | None
    new_fields: int
    week_runs: int
    week_reached: int
    week_delay_hours: Decimal | None
    waiting: int


@dataclass(frozen=True, slots=True)
class RuleDay:
    """A rule that failed somewhere on the day; `before`: what failed on each of the last days, this one last."""

    rule_id: str
    source_id: str
    entity: str
    action: str
    checked: int
    failed: int
    before: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UnitDay:
    """A unit with rows that failed: how often rules failed, and which most."""

    code: str
    name: str
    failed: int
    rules: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a delivery rule found."""

    rule_id: str
    source_id: str
    entity: str
    state: str
    subject: str | None
    found: float | None
    usual: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class BadBatch:
    """A delivery that was refused whole or could not be read."""

    source_id: str
    entity: str
    state: str
    received: int
    message: str


@dataclass(frozen=True, slots=True)
class QualityDay:
    """All that the page shows."""

    day: date
    known_at: datetime
    province_name: str
    texts: Mapping[tuple[str, str], RuleText]
    sources: tuple[SourceDay, ...]
    rules: tuple[RuleDay, ...]
    units: tuple[UnitDay, ...]
    findings: tuple[Finding, ...]
    batches: tuple[BadBatch, ...]
    rules_judged: int

    def total(self, name: str) -> int:
        """A count of the sources' scorecards, of all together."""
        return sum(getattr(source, name) for source in self.sources)


NEWEST = "select max(day) from mart.quality_rule_day where source_id <> 'reference'"
KNOWN_AT = "select known_at from ops.build where 'marts' = any(layers) order by build_id desc limit 1"
SOURCES = """
    select day.source_id, day.runs, day.runs_reached, day.received, day.accepted, day.quarantined, day.duplicate, day.refused,
        day.corrections, day.delay_hours_mean, day.new_fields, coalesce(week.runs, 0), coalesce(week.runs_reached, 0),
        week.delay_hours_mean,
        (select count(*) from quarantine.rejected_row r where r.source_id = day.source_id and r.status = 'open')
    from mart.source_scorecard day
    left join mart.source_scorecard week
        on week.source_id = day.source_id and week.span = 'week' and day.first_day between week.first_day and week.last_day
    left join ops.source on source.source_id = day.source_id
    where day.span = 'day' and day.first_day = %s
    order by source.position nulls last, day.source_id
"""
RULES = """
    select rule_id, source_id, entity, min(action), sum(checked) filter (where day = %(day)s)::bigint,
        sum(failed) filter (where day = %(day)s)::bigint, jsonb_object_agg(day, failed)
    from mart.quality_rule_day
    where agency_code = '*' and day > %(day)s - %(days)s::int and day <= %(day)s
    group by rule_id, source_id, entity
    having sum(failed) filter (where day = %(day)s) > 0
    order by sum(failed) filter (where day = %(day)s) desc, rule_id, source_id
"""
JUDGED = (
    "select count(distinct rule_id) from mart.quality_rule_day where day = %s and agency_code = '*' and checked > 0"
)
UNITS = """
    select agency_code, coalesce((select a.agency_name_vi from mart.dim_agency a where a.agency_code = failing.agency_code
        order by a.valid_from desc nulls last limit 1), ''), sum(failed)::bigint, jsonb_object_agg(rule_id, failed)
    from (select agency_code, rule_id, sum(failed) as failed from mart.quality_rule_day
        where day = %s and agency_code <> '*' group by 1, 2) failing
    group by agency_code order by 3 desc, 1 limit %s
"""
FINDINGS = """
    select distinct on (source_id, entity, rule_id, state, subject, reason)
        rule_id, source_id, entity, state, subject, found::float8, usual::float8, reason
    from mart.quality_finding where day = %s and state <> 'kept'
    order by source_id, entity, rule_id, state, subject, reason, batch_id desc
"""
BATCHES = """
    select source_id, entity, state, received, coalesce(message, '') from ops.load_batch
    where state in ('refused', 'failed') and (accepted_at at time zone %s)::date = %s order by batch_id
"""


def read_day(
    connection: psycopg.Connection[Any],
    wanted: date | None,
    *,
    zone: ZoneInfo,
    province_name: str,
    texts: Mapping[tuple[str, str], RuleText],
) -> QualityDay:
    """What the warehouse holds of a day; by default of the newest on which something was delivered.

    Raises:
        OnestopError: the models have not been built, or nothing was delivered on that day.
    """
    row = connection.execute(KNOWN_AT).fetchone()
    if row is None:
        raise OnestopError("the models have not been built yet", next_step="run `onestop transform` first")
    known_at: datetime = row[0]
    (newest,) = connection.execute(NEWEST).fetchone() or (None,)
    day: date | None = wanted or newest
    sources = [SourceDay(*values) for values in connection.execute(SOURCES, [day])] if day else []
    if day is None or not sources:
        raise OnestopError(
            f"nothing was delivered on {day}" if day else "nothing was delivered yet",
            next_step=f"choose another day; the newest is {newest}"
            if newest
            else "run an ingest, then `onestop transform`",
        )
    days = [str(day - timedelta(days=back)) for back in range(TREND_DAYS - 1, -1, -1)]
    rules = connection.execute(RULES, {"day": day, "days": TREND_DAYS}).fetchall()
    units = connection.execute(UNITS, [day, UNITS_SHOWN]).fetchall()
    (judged,) = connection.execute(JUDGED, [day]).fetchone() or (0,)
    return QualityDay(
        day=day,
        known_at=known_at.astimezone(zone),
        province_name=province_name,
        texts=texts,
        sources=tuple(sources),
        rules=tuple(
            RuleDay(rule, source, entity, action, checked, failed, tuple(int(by.get(d, 0)) for d in days))
            for rule, source, entity, action, checked, failed, by in rules
        ),
        units=tuple(
            UnitDay(code, name, failed, tuple(sorted(by.items(), key=lambda pair: (-pair[1], pair[0]))))
            for code, name, failed, by in units
        ),
        findings=tuple(Finding(*values) for values in connection.execute(FINDINGS, [day])),
        batches=tuple(BadBatch(*values) for values in connection.execute(BATCHES, [str(zone), day])),
        rules_judged=judged,
    )
