"""Reads how late dossiers and their results became known, and estimates what a running period still lacks."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from onestop.periods import Period
from onestop.reporting.arrivals import COMPLETE, MOST_TRIALS, WINDOW, Events, Expected, expect
from onestop.reporting.measure_figures import Rows

# A source's first load brings all its history at once: days up to then say nothing of delays. Where one lies in the period
# itself, what is known of the period would be counted short: there is no estimate.
DELAYS = """
    with known as (
        select
            version.dossier_code,
            min(ledger.accepted_at) as received_known,
            min(ledger.accepted_at) filter (where version.status in (7, 9, 10)) as finished_known
        from intermediate.int_dossier__version as version
        inner join ops.load_batch as ledger on version.batch_id = ledger.batch_id
        where not version.is_deleted and not version.is_portal
        group by version.dossier_code
    ),

    started as (
        select batch.source_id, cast(min(batch.accepted_at) at time zone %s as date) as first_load
        from ops.load_batch as batch
        inner join ops.source as source on batch.source_id = source.source_id
        where batch.entity = 'dossier' and batch.accepted > 0 and source.kind <> 'portal_export'
        group by batch.source_id
    )

    select event.measure, event.day, cast(event.known_at at time zone %s as date) - event.day as delay, count(*)
    from mart.fct_dossier as dossier
    inner join known on dossier.dossier_code = known.dossier_code
    inner join started on dossier.source_id = started.source_id
    cross join
        lateral (
            values
            ('received_new', dossier.received_on, known.received_known),
            ('resolved_total', dossier.finished_on, known.finished_known)
        ) as event (measure, day, known_at)
    where
        event.known_at is not null
        and event.day > started.first_load
        and event.day between %s and %s
        and not exists (select from started where first_load >= %s)
    group by event.measure, event.day, delay
"""


def load_expected(rows: Rows, period: Period, known_at: datetime, zone: str) -> tuple[Expected, ...]:
    """What the running period is likely to become so far; empty for a period that is over, or without enough past.

    Args:
        rows: runs a query with its values.
        period: the period of the report.
        known_at: the moment of knowledge, in the province's zone.
        zone: the name of that zone.
    """
    today = known_at.date()
    if not period.first <= today <= period.last:
        return ()
    back = COMPLETE + MOST_TRIALS + COMPLETE + WINDOW + (today - period.first).days
    found: dict[str, list[tuple[date, int, int]]] = {}
    for measure, day, delay, events in rows(DELAYS, (zone, zone, today - timedelta(days=back), today, period.first)):
        found.setdefault(measure, []).append((day, delay, events))
    expected = (expect(measure, Events(counts), period.first, today) for measure, counts in sorted(found.items()))
    return tuple(one for one in expected if one)
