-- Month by month: what is new, what is resolved, and what is in progress at the month's last day, by place and field.
-- A dossier meets only the months of its receipt, of its end and those between; they run to the end of the year under
-- way, because a period's state is that of its own last day, with the versions known now.
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
        counted.place_id,
        counted.field_code,
        counted.channel,
        counted.outcome,
        counted.suspended_during,
        horizon.period_convention,
        horizon.last_month,
        {{ month_index('counted.received_on', 'horizon.period_convention') | indent(8) }} as received_month,
        {{ month_index('counted.finished_on', 'horizon.period_convention') | indent(8) }} as finished_month,
        -- due < the month's last day, just where the day after due lies in this month or an earlier one
        {{ month_index('(counted.due_on + 1)', 'horizon.period_convention') | indent(8) }} as overdue_month
    from {{ ref('int_dossier__counted') }} as counted
    cross join horizon
),

open_month as (
    select
        dossier.place_id,
        dossier.field_code,
        dossier.period_convention,
        month_index,
        coalesce(month_index >= dossier.overdue_month, false) as is_past_due,
        case
            when dossier.suspended_during is null then false
            else
                {{ month_last_day('month_index', 'dossier.period_convention') | indent(16) }}
                <@ dossier.suspended_during
        end as is_suspended
    from dossier
    cross join
        generate_series(
            dossier.received_month, least(dossier.finished_month - 1, dossier.last_month)
        ) as month_index
),

cell as (
    select
        place_id,
        field_code,
        period_convention,
        received_month as month_index,
        count(*) filter (where channel = 2) as received_online,
        count(*) filter (where channel <> 2) as received_direct_postal,
        0 as resolved_early,
        0 as resolved_on_time,
        0 as resolved_overdue,
        0 as in_progress_total,
        0 as in_progress_overdue,
        0 as suspended_total
    from dossier
    group by place_id, field_code, period_convention, received_month
    union all
    select
        place_id,
        field_code,
        period_convention,
        finished_month as month_index,
        0 as received_online,
        0 as received_direct_postal,
        count(*) filter (where outcome = 'early') as resolved_early,
        count(*) filter (where outcome = 'on_time') as resolved_on_time,
        count(*) filter (where outcome = 'overdue') as resolved_overdue,
        0 as in_progress_total,
        0 as in_progress_overdue,
        0 as suspended_total
    from dossier
    where finished_month is not null
    group by place_id, field_code, period_convention, finished_month
    union all
    select
        place_id,
        field_code,
        period_convention,
        month_index,
        0 as received_online,
        0 as received_direct_postal,
        0 as resolved_early,
        0 as resolved_on_time,
        0 as resolved_overdue,
        count(*) as in_progress_total,
        count(*) filter (where is_past_due and not is_suspended) as in_progress_overdue,
        count(*) filter (where is_suspended) as suspended_total
    from open_month
    group by place_id, field_code, period_convention, month_index
)

select
    place_id,
    field_code,
    period_convention,
    month_index,
    cast(sum(received_online) as int) as received_online,
    cast(sum(received_direct_postal) as int) as received_direct_postal,
    cast(sum(resolved_early) as int) as resolved_early,
    cast(sum(resolved_on_time) as int) as resolved_on_time,
    cast(sum(resolved_overdue) as int) as resolved_overdue,
    cast(sum(in_progress_total) as int) as in_progress_total,
    cast(sum(in_progress_overdue) as int) as in_progress_overdue,
    cast(sum(suspended_total) as int) as suspended_total
from cell
group by place_id, field_code, period_convention, month_index
