-- Month by month: what is new, what is resolved, and what is in progress at the month's last day, by place and field.
-- A dossier meets only the months of its receipt, of its end and those between; they run to the end of the year under
-- way, because a period's state is that of its own last day, with the versions known now.
-- Which dossiers each column counts is written in the macro cell_measures.
{%- set measures = cell_measures() %}
{%- set months = {'new': 'received_month', 'resolved': 'finished_month', 'state': 'month_index'} %}
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
        {{ month_index('measure.portal_finished_on', 'horizon.period_convention') | indent(8) }} as portal_finished_month
    from {{ ref('int_dossier__measure') }} as measure
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
        stand.is_suspended,
        coalesce(month_index >= dossier.overdue_month, false) and not stand.is_suspended as is_overdue,
        coalesce(month_index >= dossier.apologised_month, false) as is_apologised,
        coalesce(month_index >= dossier.portal_finished_month, false) as is_ended_on_portal
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
    {%- for event, month in months.items() %}
    select
        place_id,
        field_code,
        period_convention,
        {{ month }} as month_index,
        {%- for measure in measures %}
        {%- if measure.when != event %}
        0 as {{ measure.name }}
        {%- elif measure.sum %}
        coalesce(sum({{ measure.sum }}) filter (where {{ measure.where }}), 0) as {{ measure.name }}
        {%- else %}
        count(*) filter (where {{ measure.where }}) as {{ measure.name }}
        {%- endif %}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ 'open_month' if event == 'state' else 'dossier' }}
    {%- if event == 'resolved' %}
    where finished_month is not null
    {%- endif %}
    group by place_id, field_code, period_convention, {{ month }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    place_id,
    field_code,
    period_convention,
    month_index,
    {%- for measure in measures %}
    cast(sum({{ measure.name }}) as int) as {{ measure.name }}{{ ',' if not loop.last }}
    {%- endfor %}
from cell
group by place_id, field_code, period_convention, month_index
