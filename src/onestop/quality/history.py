"""A delivery in numbers: measured in the warehouse, kept in ops, and compared with the deliveries before it.

Everything happens by SQL on the transaction of the run, over rows of the batch and the small tables of ops; the cost
follows the delivery, not the history. `now` is as-of throughout: a delivery is compared with what lay before it then.

A polled source is compared by local days: with the same weekday of the last four weeks, up to the same time of day. A
file is compared with files before it that cover as many days (of less than a week: with those four weeks back).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql

from onestop.quality.counted import LONGEST, Counted
from onestop.quality.delivery import Outcome
from onestop.quality.rules import DeliveryRule
from onestop.resources import resource
from onestop.specs import EntitySpec
from onestop.working_time import WorkingCalendar, read_exceptions

Cursor = psycopg.Cursor[tuple[object, ...]]
WEEKS = 4
JITTER = timedelta(minutes=30)  # a nightly run starts a little earlier or later than last week's
RHYTHM_DAYS, RHYTHM_DELIVERIES = 90, 10


def working_days(cursor: Cursor) -> WorkingCalendar:
    """The national list, and what the newest accepted working_day_exceptions.csv says, which wins."""
    path = resource("dbt_project") / "seeds" / "national_working_day_exception.csv"
    exceptions = read_exceptions(path.read_text(encoding="utf-8").splitlines())
    cursor.execute(
        "select day, is_working from raw.working_day_exception where batch_id = (select max(batch_id) from ops.load_batch"
        " where source_id = 'reference' and entity = 'working_day_exception' and state = 'loaded')"
    )
    own = {date.fromisoformat(str(day)): is_working == "1" for day, is_working in cursor}
    return WorkingCalendar(exceptions | own)


def is_usual(calendar: WorkingCalendar, day: date) -> bool:
    """Whether the day, and the one before, which its night's delivery is about, are as their weekday says."""
    weekdays = (day, day - timedelta(days=1))
    return all(calendar.is_working(d) == (d.isoweekday() < 6) for d in weekdays)


@dataclass(frozen=True)
class Delivery:
    """What is to be known of a loaded delivery before it is measured.

    records: its new records; of a file all rows. newest: NgayCapNhat of the newest record landed, of a polled source.
    irregular: why it is no step of the live feed, and so is not compared (onestop.quality.delivery.REASONS).
    covers: a file's first and last day.
    """

    batch_id: int
    source_id: str
    entity: str
    as_of: datetime
    zone: ZoneInfo
    records: int
    newest: str | None = None
    irregular: str | None = None
    covers: tuple[date, date] | None = None
    series: str | None = None
    version: int | None = None

    @property
    def local(self) -> datetime:
        """As-of, on the wall clock."""
        return self.as_of.astimezone(self.zone).replace(tzinfo=None)


EVENTS = {"dossier": "ngay_tiep_nhan", "payment": "ngay_thanh_toan", "rating": "ngay_danh_gia"}
"""What a file's rows are about, by entity: the newest of these dates says how fresh a file is."""


def measure(cursor: Cursor, delivery: Delivery, spec: EntitySpec, counted: Counted, calendar: WorkingCalendar) -> None:
    """Keep the delivery's numbers: ops.delivery, ops.delivery_count, ops.rule_agency.

    Args:
        counted: its rows in raw.
    """
    batch, table = delivery.batch_id, sql.Identifier("raw", spec.table)
    cursor.execute(
        "insert into ops.delivery_count (batch_id, dimension, value, records)"
        " select %(batch)s, dimension, value, sum(records) from ("
        "  select * from unnest(%(dimensions)s::text[], %(values)s::text[], %(records)s::bigint[])"
        "  as accepted (dimension, value, records) union all"
        "  select 'agency', left(agency_code, %(longest)s), count(*) from quarantine.rejected_row"
        "  where batch_id = %(batch)s group by 2) as counted"
        " where value is not null group by dimension, value",
        {
            "batch": batch,
            "longest": LONGEST,
            "dimensions": [dimension for dimension, _ in counted.values],
            "values": [value for _, value in counted.values],
            "records": list(counted.values.values()),
        },
    )
    cursor.execute(
        "insert into ops.rule_agency (batch_id, rule_id, agency_code, failed)"
        " select %(batch)s, rule_id, left(coalesce(unit, '?'), %(longest)s), sum(records) from ("
        "  select * from unnest(%(rules)s::text[], %(units)s::text[], %(records)s::bigint[])"
        "  as warned (rule_id, unit, records) union all"
        "  select unnest(rule_ids || warning_ids), agency_code, 1 from quarantine.rejected_row"
        "  where batch_id = %(batch)s) as broken group by 2, 3",
        {
            "batch": batch,
            "longest": LONGEST,
            "rules": [rule for rule, _ in counted.warned],
            "units": [unit for _, unit in counted.warned],
            "records": list(counted.warned.values()),
        },
    )
    deleted = spec.by_field(spec.deleted).column if spec.deleted else None
    live = sql.SQL("{} is distinct from '1'").format(sql.Identifier(deleted)) if deleted else sql.SQL("true")
    version = sql.Identifier(spec.by_field(spec.version).column or "")
    delay = sql.SQL(
        "greatest(0, extract(epoch from %(now)s::timestamp - overlay({version} placing 'T' from 9 for 0)::timestamp))"
    ).format(version=version)
    event = EVENTS.get(spec.entity) if delivery.covers else None
    cursor.execute(
        sql.SQL(
            "select coalesce(sum(records), 0), coalesce(sum(delay * records), 0), coalesce(max(delay), 0),"
            " coalesce(sum(records) filter (where delay <= 86400), 0), max(event)"
            " from (select {delay} as delay, records, event from ("
            "  select {version}, count(*) as records, max({event}) as event from {table}"
            "  where batch_id = %(batch)s and {live} group by 1) as changed) as timed"
        ).format(
            delay=delay,
            version=version,
            table=table,
            live=live,
            event=sql.Identifier(event) if event else sql.SQL("null::text"),
        ),
        {"batch": batch, "now": delivery.local},
    )
    timed: tuple[Any, ...] = cursor.fetchone() or (0, 0, 0, 0, None)
    cursor.execute(
        "select %s - max((accepted_at at time zone %s)::date) from ops.load_batch where source_id = %s and entity = %s"
        " and state in ('loaded', 'duplicate') and reached_end and batch_id <> %s and accepted_at < %s",
        [delivery.local.date(), str(delivery.zone), delivery.source_id, delivery.entity, batch, delivery.as_of],
    )
    (gap,) = cursor.fetchone() or (None,)
    first, last = delivery.covers or (None, None)
    cursor.execute(
        "insert into ops.delivery (batch_id, source_id, entity, day, at_time, is_regular, covers_from, covers_to, series,"
        " version, records, gap_days, quiet_days, timed_records, delay_seconds, delay_seconds_max, within_a_day)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            batch, delivery.source_id, delivery.entity, delivery.local.date(), delivery.local.time(),
            delivery.irregular is None, first, last, delivery.series, delivery.version, delivery.records, gap,
            _quiet(delivery, timed[4] if delivery.covers else delivery.newest, calendar), *timed[:4],
        ],
    )  # fmt: skip


def _quiet(delivery: Delivery, newest: str | None, calendar: WorkingCalendar) -> int | None:
    """Whole working days after the newest record: up to today, or up to the last day that a file covers, included."""
    if not newest:
        return None
    last = delivery.covers[1] if delivery.covers else delivery.local.date() - timedelta(days=1)
    try:
        return max(0, calendar.working_days(date(int(newest[:4]), int(newest[4:6]), int(newest[6:8])), last))
    except ValueError:
        return None


@dataclass(frozen=True)
class Day:
    """What one day, or one file, delivered: its batches, its new records, the days since the delivery before."""

    batches: tuple[int, ...]
    records: float
    gap: int | None


class History:
    """The deliveries that one is compared with, read once per delivery."""

    def __init__(self, cursor: Cursor, delivery: Delivery, calendar: WorkingCalendar) -> None:
        self._cursor, self.delivery = cursor, delivery
        self.now, self.before = self._files() if delivery.covers else self._days(calendar)

    def _days(self, calendar: WorkingCalendar) -> tuple[Day, list[Day]]:
        today = self.delivery.local.date()
        usual = [day for week in range(1, WEEKS + 1) if is_usual(calendar, day := today - timedelta(weeks=week))]
        until = self.delivery.local + JITTER
        self._cursor.execute(
            "select day, array_agg(batch_id), sum(records), max(gap_days) from ops.delivery where source_id = %s"
            " and entity = %s and is_regular and day = any(%s) and at_time <= %s group by day order by day desc",
            [
                self.delivery.source_id, self.delivery.entity, [today, *usual],
                until.time() if until.date() == today else datetime.max.time(),
            ],
        )  # fmt: skip
        rows: list[Any] = self._cursor.fetchall()
        found = {day: Day(tuple(batches), int(records), gap) for day, batches, records, gap in rows}
        now = found.pop(today, Day((self.delivery.batch_id,), self.delivery.records, None))
        return now, list(found.values())

    def _files(self) -> tuple[Day, list[Day]]:
        delivery = self.delivery
        assert delivery.covers is not None  # noqa: S101  (the caller looked)
        first, last = delivery.covers
        days = (last - first).days + 1
        same = (
            "covers_to = any(%(weeks)s) and covers_to - covers_from + 1 = %(days)s"
            if days < 7
            else "abs(covers_to - covers_from + 1 - %(days)s) <= 0.2 * %(days)s"
        )
        self._cursor.execute(
            "select batch_id, records, covers_to - covers_from + 1 from ("
            " select distinct on (series) * from ops.delivery where source_id = %(source)s and entity = %(entity)s"
            f" and covers_to < %(last)s and {same} order by series, version desc, batch_id desc) as file"
            f" order by covers_to desc limit {WEEKS}",
            {
                "source": delivery.source_id,
                "entity": delivery.entity,
                "last": last,
                "days": days,
                "weeks": [last - timedelta(weeks=week) for week in range(1, WEEKS + 1)],
            },
        )
        rows: list[Any] = self._cursor.fetchall()
        before = [Day((batch,), records * days / span, None) for batch, records, span in rows]
        return Day((delivery.batch_id,), delivery.records, None), before

    def counts(self, dimension: str) -> tuple[dict[str, int], list[dict[str, int]]]:
        """Records by value of a dimension: now, and on each of the days before."""
        days = [self.now, *self.before]
        self._cursor.execute(
            "select batch_id, value, records from ops.delivery_count where dimension = %s and batch_id = any(%s)",
            [dimension, [batch for day in days for batch in day.batches]],
        )
        counted: list[dict[str, int]] = [{} for _ in days]
        place = {batch: n for n, day in enumerate(days) for batch in day.batches}
        for batch, value, records in self._cursor:
            mine = counted[place[batch]]  # type: ignore[index]
            mine[str(value)] = mine.get(str(value), 0) + int(str(records))
        return counted[0], counted[1:]

    def quiet(self, rule_id: str) -> tuple[int | None, list[int]]:
        """Quiet days of this delivery, and of those before that did not break the rule themselves."""
        delivery = self.delivery
        self._cursor.execute("select quiet_days from ops.delivery where batch_id = %s", [delivery.batch_id])
        (now,) = self._cursor.fetchone() or (None,)
        self._cursor.execute(
            "select quiet_days from ops.delivery d where source_id = %s and entity = %s and quiet_days is not null"
            " and (is_regular or covers_to is not null) and coalesce(covers_to, day) < %s and coalesce(covers_to, day) >= %s"
            " and not exists (select from ops.delivery_check c where c.batch_id = d.batch_id and c.rule_id = %s"
            " and c.state = 'broken') order by coalesce(covers_to, day) desc, batch_id desc limit %s",
            [
                delivery.source_id, delivery.entity, here := delivery.covers[1] if delivery.covers else delivery.local.date(),
                here - timedelta(days=RHYTHM_DAYS * (4 if delivery.covers else 1)), rule_id, RHYTHM_DELIVERIES,
            ],
        )  # fmt: skip
        return now, [int(str(row[0])) for row in self._cursor]  # type: ignore[return-value]


def write_outcome(cursor: Cursor, batch_id: int, rule: DeliveryRule, outcome: Outcome) -> None:
    """Keep what became of a rule, in ops.delivery_check."""
    rows: list[list[object]] = [
        [batch_id, rule.id, f.subject, outcome.state, f.found, f.usual, None] for f in outcome.findings
    ]
    cursor.executemany(
        "insert into ops.delivery_check (batch_id, rule_id, subject, state, found, usual, reason)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        rows or [[batch_id, rule.id, "", outcome.state, None, None, outcome.reason]],
    )
