{%- set keys = ['place_id', 'field_code', 'period_convention', 'month_index'] -%}
{{ config(
    materialized='incremental',
    unique_key=keys,
    post_hook="{{ drop_empty([
        'received_online', 'received_direct_postal', 'resolved_early', 'resolved_on_time', 'resolved_overdue',
        'in_progress_total',
    ]) }}",
) }}

-- Month by month: what is new, what is resolved, and what is in progress at the month's last day, by place and field.
-- A dossier meets only the months of its receipt, of its end and those between; they run to the end of the year under
-- way, because a period's state is that of its own last day, with the versions known now.
-- Which dossiers each column counts is written in the macro cell_measures.
with

horizon as (
    select
        convention.name as period_convention,
        {{ month_index('moment.known_on', 'convention.name') | indent(8) }} / 12 * 12 + 11 as last_month
    from {{ ref('int_build__moment') }} as moment
    cross join (values ('statutory'), ('calendar')) as convention (name)
),

dossier as (
    select
        measure.*,
        horizon.period_convention,
        horizon.last_month,
        {{ month_index('measure.received_on', 'horizon.period_convention') | indent(8) }} as received_month,
        {{ month_index('measure.finished_on', 'horizon.period_convention') | indent(8) }} as finished_month,
        -- due < the month's last day, just where the day after due lies in this month or an earlier one
        {{ month_index('(measure.due_on + 1)', 'horizon.period_convention') | indent(8) }} as overdue_month,
        {{ month_index('measure.apologised_on', 'horizon.period_convention') | indent(8) }} as apologised_month,
        {{ month_index('measure.portal_finished_on', 'horizon.period_convention') | indent(8) }} as portal_month
    from {{ measured_dossiers() }} as measure
    cross join horizon
),

open_month as (
    select
        dossier.place_id,
        dossier.field_code,
        dossier.period_convention,
        month_index,
        dossier.is_one_stop,
        dossier.is_synced,
        dossier.is_agreeing,
        {%- if follows_change() %}
            dossier.sign,
        {%- endif %}
        stand.is_suspended,
        coalesce(month_index >= dossier.overdue_month, false) and not stand.is_suspended as is_overdue,
        coalesce(month_index >= dossier.apologised_month, false) as is_apologised,
        coalesce(month_index >= dossier.portal_month, false) as is_ended_on_portal
    from dossier
    cross join
        generate_series(
            dossier.received_month, least(dossier.finished_month - 1, dossier.last_month)
        ) as month_index
    cross join
        lateral (
            select
                case
                    when dossier.suspended_during is null then false
                    else
                        {{ month_last_day('month_index', 'dossier.period_convention') | indent(24) }}
                        <@ dossier.suspended_during
                end as is_suspended
        ) as stand
),

cell as (
    select
        place_id,
        field_code,
        period_convention,
        received_month as month_index,
        {{ measures_of('new') }}
    from dossier
    group by place_id, field_code, period_convention, received_month
    union all
    select
        place_id,
        field_code,
        period_convention,
        finished_month as month_index,
        {{ measures_of('resolved') }}
    from dossier
    where finished_month is not null
    group by place_id, field_code, period_convention, finished_month
    union all
    select
        place_id,
        field_code,
        period_convention,
        month_index,
        {{ measures_of('state') }}
    from open_month
    group by place_id, field_code, period_convention, month_index
),

moved as (
    select
        place_id,
        field_code,
        period_convention,
        month_index,
        {{ measures_summed() }}
    from cell
    group by place_id, field_code, period_convention, month_index
)

{{ added_to_built(keys, cell_measures() | map(attribute='name') | list) }}
