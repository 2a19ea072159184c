{%- set codes = 'int_reconciliation__explained' -%}
{{ config(
    materialized='incremental',
    on_schema_change='fail',
    pre_hook=["{{ join_by_hash() }}", "{{ forget_changed('dossier_group', 'int_reconciliation__explained') }}"],
) }}

-- One row per dossier that differs: since when it could be known, and the likely cause: the first that fits, from what
-- is certain to what is likely; `unknown` where none does. docs/reconciliation.md lists them in this order. Nothing
-- here grows older with the days: what does is counted by mart.reconciliation_dossier.
with

pair as (
    select
        pair.*,
        {{ twin_key('pair', 'here_place', 'there_place') | indent(8) }} as twin_key,
        coalesce(here_place.chain_as_was @> array[pair.there_agency_code], false)
        or coalesce(there_place.chain_as_was @> array[pair.here_agency_code], false) as is_unit_above,
        -- the moment at which the portal's row was true: Ngày đồng bộ, else the end of its file's last day
        coalesce(pair.there_synchronised_at, pair.there_updated_at) as there_seen_at,
        {{ status_stage('pair.there_status') }} in (7, 9)
        and {{ status_stage('pair.here_status') }} not in (7, 9) as is_portal_ahead
    from {{ ref('int_reconciliation__pair') }} as pair
    left join {{ ref('int_agency__place') }} as here_place on pair.here_place_id = here_place.place_id
    left join {{ ref('int_agency__place') }} as there_place on pair.there_place_id = there_place.place_id
    where
        pair.result not in ('matched', 'not_expected')
        {%- if follows_change() %}
            and pair.dossier_group = {{ changed_codes(codes) }}
        {%- endif %}
),

reached as (
    select *
    from {{ ref('int_reconciliation__reached') }}
    where reached_at is not null
),

export as (
    select
        cast(reached_at as date) as covers_to,
        cast(lag(reached_at) over (order by reached_at) as date) as previous_to
    from reached
    where kind = 'export'
),

horizon as (select max(covers_to) as portal_until from export),

-- The same procedure, unit and receipt (to the minute where the portal says it) on one side each: one dossier under two
-- codes that nothing links. Where more than one dossier fits, none does.
twin as (
    select
        here_group,
        there_group,
        here_code,
        there_code
    from (
        select
            here.dossier_group as here_group,
            there.dossier_group as there_group,
            here.here_code,
            there.there_code,
            count(*) over (partition by here.dossier_group) as fitting_there,
            count(*) over (partition by there.dossier_group) as fitting_here
        from pair as here
        inner join pair as there
            on here.twin_key = there.twin_key
        where
            here.result = 'only_here'
            and there.result = 'only_there'
            and (
                there.there_received_at = date_trunc('day', there.there_received_at)
                or date_trunc('minute', here.here_received_at) = date_trunc('minute', there.there_received_at)
            )
    ) as fitting
    where fitting_there = 1 and fitting_here = 1
),

known as (
    select
        pair.*,
        history.here_since,
        history.there_since,
        -- An earlier version here said what the portal says, and the portal was not told since.
        history.here_said_so_at is not null
        and (pair.there_synchronised_at is null or pair.there_synchronised_at < history.here_since) as is_outdated,
        pair.there_seen_at < history.here_since and not pair.is_portal_ahead as is_older,
        -- the first export that could show what was received here
        export.covers_to as exported_on,
        horizon.portal_until + interval '1 day' as portal_until,
        coalesce(here_twin.there_code, there_twin.here_code) as counterpart_code,
        pair.has_received_conflict
        and pair.there_received_on = cast(pair.there_synchronised_at as date) as is_received_late,
        coalesce(rejected.is_rejected_here, false) as is_rejected_here,
        coalesce(rejected.is_rejected_there, false) as is_rejected_there,
        coalesce(own_source.kind, own_unit.kind, 'any') as awaited_kind,
        coalesce(own_source.code, own_unit.code, '') as awaited_code,
        case pair.result when 'only_there' then pair.there_received_at else pair.there_seen_at end as awaited_at,
        coalesce(own_source.reached_at, own_unit.reached_at, any_source.reached_at) as here_until
    from pair
    cross join horizon
    left join reached as any_source on any_source.kind = 'any'
    left join {{ ref('int_reconciliation__history') }} as history on pair.dossier_group = history.dossier_group
    left join export
        on
            pair.result = 'only_here'
            and pair.here_received_on <= export.covers_to
            and (export.previous_to is null or pair.here_received_on > export.previous_to)
    left join twin as here_twin on pair.dossier_group = here_twin.here_group
    left join twin as there_twin on pair.dossier_group = there_twin.there_group
    left join {{ ref('int_reconciliation__rejected') }} as rejected on pair.dossier_group = rejected.dossier_group
    left join reached as own_source on own_source.kind = 'source' and pair.here_source_id = own_source.code
    left join reached as own_unit
        on own_unit.kind = 'unit' and pair.result = 'only_there' and pair.there_agency_code = own_unit.code
),

explained as (
    select
        *,
        case result
            when 'only_here'
                then
                    case
                        when portal_until is null or here_received_at >= portal_until then 'after_portal_export'
                        when is_rejected_there then 'rejected_there'
                        when counterpart_code is not null then 'other_code_missing'
                        when
                            here_received_at >= portal_until - interval '{{ var("reconcile_sync_hours") }} hours'
                            then 'not_yet_synchronised'
                        else 'unknown'
                    end
            when 'only_there'
                then
                    case
                        when here_state = 'deleted' then 'deleted_here'
                        when is_test then 'test_here'
                        when is_rejected_here then 'rejected_here'
                        when counterpart_code is not null then 'other_code_missing'
                        when there_status = 1 then 'not_yet_received'
                        when there_status = 3 then 'refused_there'
                        when awaited_at > here_until then 'not_yet_delivered_here'
                        else 'unknown'
                    end
            when 'status_conflict'
                then
                    case
                        when is_outdated then 'not_yet_synchronised'
                        when here_status in (5, 6, 8) and there_status in (9, 10) then 'done_while_waiting'
                        when
                            here_status in (2, 4) and there_status in (9, 10) and here_appointment_on is null
                            then 'done_without_due_date'
                        when is_older then 'not_yet_synchronised'
                        when is_rejected_here then 'rejected_here'
                        when is_portal_ahead and awaited_at > here_until then 'not_yet_delivered_here'
                        else 'unknown'
                    end
            when 'date_conflict'
                then
                    case
                        when is_outdated then 'not_yet_synchronised'
                        when
                            is_received_late and there_synchronised_at > here_received_at then 'synchronised_late'
                        when
                            has_finished_conflict and there_finished_on = cast(there_synchronised_at as date)
                            and there_synchronised_at > here_ended_at then 'synchronised_late'
                        when
                            has_received_conflict and there_received_on = cast(here_submitted_at as date)
                            then 'submission_for_receipt'
                        when
                            has_finished_conflict and there_finished_on = cast(here_returned_at as date)
                            then 'handover_for_result'
                        when
                            has_appointment_conflict and there_appointment_on = here_first_appointment_on
                            and not is_older then 'first_appointment_kept'
                        when is_older then 'not_yet_synchronised'
                        when is_rejected_here then 'rejected_here'
                        else 'unknown'
                    end
            when 'unit_conflict' then case
                when is_outdated then 'not_yet_synchronised'
                when there_agency_code = here_receiving_agency_code then 'receiving_unit_shown'
                when is_unit_above then 'unit_above_shown'
                when is_older then 'not_yet_synchronised'
                when is_rejected_here then 'rejected_here'
                else 'unknown'
            end
        end as likely_cause,
        case result
            -- not before an export that could show it
            when 'only_here' then exported_on
            when 'only_there' then greatest(cast(there_since as date), cast(here_deleted_at as date))
            else greatest(cast(here_since as date), cast(there_since as date))
        end as differs_since
    from known
)

select
    dossier_group,
    result,
    likely_cause,
    differs_since,
    -- from when to when it was delayed; what is not yet synchronised still is
    case
        when likely_cause = 'not_yet_synchronised' and result = 'only_here' then here_received_at
        when likely_cause = 'not_yet_synchronised' then here_since
        when likely_cause = 'synchronised_late' and is_received_late then here_received_at
        when likely_cause = 'synchronised_late' then here_ended_at
    end as delayed_from,
    case when likely_cause = 'synchronised_late' then there_synchronised_at end as delayed_until,
    counterpart_code,
    here_since,
    there_since,
    twin_key,
    -- what has to come so far before it is explained otherwise
    case when likely_cause = 'not_yet_delivered_here' then awaited_kind end as awaited_kind,
    case when likely_cause = 'not_yet_delivered_here' then awaited_code end as awaited_code,
    case when likely_cause = 'not_yet_delivered_here' then awaited_at end as awaited_at
from explained
