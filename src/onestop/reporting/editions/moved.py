"""Which dossiers and items count otherwise than in the edition before, and why. Compares the lists that both editions keep.

A dossier moved when its metrics, units, field or days differ. Why, in this order:
1. Its version is another one, or it is in one edition only: released from quarantine since; else late where nothing of
   it was known when the edition before was drafted; else a correction.
2. The version is the same, its units are not: a reorganisation.
3. The rule has another version: a rule change. Only what the portal's files say differs: those came late. The program is
   another one: a rule change. What is left are the catalogue and the calendar: a change of reference data.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

# What of a dossier's figures hangs on files of the portal that come beside the dossier's own version.
_PORTAL_METRICS = ("portal_sync_rate", "portal_agreement_rate", "online_payment_rate", "dossier_satisfaction_rate")
_LISTED = """
    select dossier.*, counting.numerators, counting.denominators, place.agency_code, place.chain_as_was, place.chain_as_is
    from published.dossier as dossier
    join published.counting as counting using (edition_id, counting_id)
    join published.place as place using (edition_id, place_id)
    where dossier.edition_id = %({name})s
"""
_DOSSIERS = f"""
    create temporary table edition_moved on commit drop as
    with old as ({_LISTED.format(name="before")}), new as ({_LISTED.format(name="edition_id")})
    select
        coalesce(new.dossier_code, old.dossier_code) as item_code,
        old.dossier_code is null as is_new, new.dossier_code is null as is_gone,
        (old.source_id, old.batch_id, old.row_number) is not distinct from (new.source_id, new.batch_id, new.row_number)
            as is_same_version,
        (old.chain_as_was, old.chain_as_is) is not distinct from (new.chain_as_was, new.chain_as_is) as is_same_place,
        array(
            (select unnest(old.numerators) except select unnest(new.numerators))
            union (select unnest(new.numerators) except select unnest(old.numerators))
            union (select unnest(old.denominators) except select unnest(new.denominators))
            union (select unnest(new.denominators) except select unnest(old.denominators))
        ) as metrics,
        coalesce(new.source_id, old.source_id) as source_id,
        old.agency_code as agency_code_before, new.agency_code as agency_code_after,
        old.batch_id as batch_id_before, new.batch_id as batch_id_after
    from old full join new using (dossier_code)
    where (
        old.dossier_code, old.numerators, old.denominators, old.chain_as_was, old.chain_as_is, old.field_code,
        old.processing_working_days
    ) is distinct from (
        new.dossier_code, new.numerators, new.denominators, new.chain_as_was, new.chain_as_is, new.field_code,
        new.processing_working_days
    )
"""
# Of the dossiers that moved: of which something was known at the edition before, and which came out of quarantine since.
_KNOWN = """
    create temporary table edition_known on commit drop as
    select distinct delivered.dossier_code as item_code
    from intermediate.int_dossier__delivered as delivered
    where delivered.dossier_code in (select item_code from edition_moved) and delivered.known_at <= %(known_before)s
"""
_RELEASED = """
    create temporary table edition_released on commit drop as
    select distinct rejected.key_code as item_code, event.batch_id
    from quarantine.row_event as event
    join quarantine.rejected_row as rejected using (rejected_id)
    where event.event in ('replayed', 'corrected') and event.happened_at > %(known_before)s
        and event.happened_at <= %(known_at)s and rejected.first_seen_at <= %(known_before)s
"""
_KEEP = """
    insert into published.moved (
        edition_id, item_kind, item_code, reason_code, change, agency_code_before, agency_code_after, batch_id_before,
        batch_id_after
    )
    select
        %(edition_id)s, 'dossier', moved.item_code,
        case
            when not moved.is_same_version and released.item_code is not null then 'quarantine_release'
            when moved.is_new and known.item_code is null then 'late_arrival'
            when not moved.is_same_version then 'correction'
            when not moved.is_same_place then 'reorganisation'
            when moved.metrics && %(changed_rules)s::text[] then 'rule_change'
            when moved.metrics <> '{}' and moved.metrics <@ %(portal_metrics)s::text[] then 'late_arrival'
            when %(is_other_program)s then 'rule_change'
            else 'reference_change'
        end,
        case when moved.is_new then 'entered' when moved.is_gone then 'left' else 'changed' end,
        moved.agency_code_before, moved.agency_code_after, moved.batch_id_before, moved.batch_id_after
    from edition_moved as moved
    left join edition_known as known using (item_code)
    left join (select distinct item_code from edition_released) as released using (item_code)
"""
# A commune's part in a figure follows from its dossiers, so it moved only where it came, went or belongs elsewhere.
_ITEMS = """
    insert into published.moved (
        edition_id, item_kind, item_code, reason_code, change, agency_code_before, agency_code_after, batch_id_before,
        batch_id_after
    )
    with side as (
        select edition_id = %(edition_id)s as is_new, item_kind, item_code, min(chain[1]) as agency_code,
            max(batch_id) as batch_id, max(row_number) as row_number, max(source_id) as source_id,
            array_agg(metric_code || ' ' || org_view || ' ' || chain::text order by metric_code, org_view, chain) as places,
            array_agg(
                case when item_kind <> 'commune'
                    then concat_ws(' ', metric_code, org_view, numerator::text, coalesce(denominator::text, '-')) end
                order by metric_code, org_view, chain
            ) as amounts
        from published.item where edition_id in (%(edition_id)s, %(before)s)
        group by edition_id, item_kind, item_code
    ),
    old as (select * from side where not is_new),
    new as (select * from side where is_new)
    select
        %(edition_id)s, item_kind, item_code,
        case
            when item_kind = 'case' and (old.source_id, old.batch_id, old.row_number)
                is distinct from (new.source_id, new.batch_id, new.row_number) then
                case
                    when released.item_code is not null then 'quarantine_release'
                    when old.item_code is null and not exists (
                        select from staging.stg_feedback__case as version
                        where version.case_code = item_code and version.known_at <= %(known_before)s
                    ) then 'late_arrival'
                    else 'correction'
                end
            when item_kind = 'commune' or old.places is distinct from new.places
                and old.item_code is not null and new.item_code is not null then 'reorganisation'
            else 'reference_change'
        end,
        case when old.item_code is null then 'entered' when new.item_code is null then 'left' else 'changed' end,
        old.agency_code, new.agency_code, old.batch_id, new.batch_id
    from old full join new using (item_kind, item_code)
    left join (select distinct item_code from edition_released) as released using (item_code)
    where (old.item_code, old.places, old.amounts) is distinct from (new.item_code, new.places, new.amounts)
"""


def keep_moved(
    connection: psycopg.Connection[Any],
    edition_id: int,
    before: int,
    *,
    known_at: datetime,
    known_before: datetime,
    is_other_program: bool,
) -> None:
    """Write published.moved of a draft whose contents are there.

    Args:
        connection: in a transaction.
        edition_id: the draft.
        before: the edition that it restates.
        known_at: the draft's own moment.
        known_before: the moment of the edition before.
        is_other_program: whether another version of onestop made the edition before.
    """
    changed = connection.execute(
        "select coalesce(array_agg(new.metric_code), '{}') from published.metric_rule as new"
        " join published.metric_rule as old using (metric_code)"
        " where new.edition_id = %s and old.edition_id = %s and new.metric_version <> old.metric_version",
        [edition_id, before],
    ).fetchone()
    given = {
        "edition_id": edition_id,
        "before": before,
        "known_at": known_at,
        "known_before": known_before,
        "is_other_program": is_other_program,
        "portal_metrics": list(_PORTAL_METRICS),
        "changed_rules": changed[0] if changed else [],
    }
    connection.execute("drop table if exists pg_temp.edition_moved, pg_temp.edition_known, pg_temp.edition_released")
    for statement in (_DOSSIERS, _KNOWN, _RELEASED, _KEEP, _ITEMS):
        connection.execute(statement.encode(), given)


def main_reason(connection: psycopg.Connection[Any], edition_id: int) -> str | None:
    """The reason for which most dossiers and items moved; None where nothing did."""
    row = connection.execute(
        "select reason_code from published.moved where edition_id = %s group by reason_code"
        " order by count(*) desc, reason_code limit 1",
        [edition_id],
    ).fetchone()
    return str(row[0]) if row else None
