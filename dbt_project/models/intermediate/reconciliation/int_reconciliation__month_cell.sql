{%- set keys = ['line', 'source_id', 'place_id', 'period_convention', 'month_index'] -%}
{%- set pair, silent = ref('int_reconciliation__pair'), ref('int_reconciliation__silent') -%}
{{ config(
    materialized='incremental',
    unique_key=keys,
    post_hook="{{ drop_empty(['received', 'resolved']) }}",
) }}

-- The bridge between the sources' totals, month by month, at the units that dossiers name: for each line what is
-- received and what is resolved, with its sign. In progress need not be counted: it is all that was received less all
-- that was resolved up to a month, line by line. A line that is of no one source has '' there: a key is never null.
with

event as (
    {%- if follows_change() %}
        select
            line,
            source_id,
            place_id,
            received_on,
            finished_on,
            dossiers
        from {{ ref('int_reconciliation__left') }}
        union all
        {{ bridge_events(pair, silent, 'int_reconciliation__changed') | indent(8) }}
    {%- else %}
        {{ bridge_events(pair, silent) | indent(8) }}
    {%- endif %}
),

-- Those of one fate together, before each is counted on two days.
alike as (
    select
        line,
        source_id,
        place_id,
        received_on,
        finished_on,
        sum(dossiers) as dossiers
    from event
    where place_id is not null
    group by line, source_id, place_id, received_on, finished_on
),

daily as (
    select
        alike.line,
        alike.source_id,
        alike.place_id,
        happened.day,
        sum(alike.dossiers) filter (where happened.is_receipt) as received,
        sum(alike.dossiers) filter (where not happened.is_receipt) as resolved
    from alike
    cross join lateral (values (alike.received_on, true), (alike.finished_on, false)) as happened (day, is_receipt)
    where happened.day is not null
    group by alike.line, alike.source_id, alike.place_id, happened.day
),

moved as (
    select
        daily.line,
        coalesce(daily.source_id, '') as source_id,
        daily.place_id,
        convention.name as period_convention,
        {{ month_index('daily.day', 'convention.name') | indent(8) }} as month_index,
        coalesce(sum(daily.received), 0) as received,
        coalesce(sum(daily.resolved), 0) as resolved
    from daily
    cross join (values ('statutory'), ('calendar')) as convention (name)
    group by
        daily.line, coalesce(daily.source_id, ''), daily.place_id, convention.name,
        {{ month_index('daily.day', 'convention.name') | indent(8) }}
    having coalesce(sum(daily.received), 0) <> 0 or coalesce(sum(daily.resolved), 0) <> 0
)

{{ added_to_built(keys, ['received', 'resolved']) }}
