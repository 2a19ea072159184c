{%- set keys = ['agency_code', 'hour'] -%}
{%- set counted, winner = ref('int_dossier__counted'), ref('int_dossier__winner') -%}
{{ config(
    materialized='incremental',
    unique_key=keys,
    pre_hook="{{ join_by_hash() }}",
    post_hook="{{ drop_empty(unit_hour_counts()) }}",
) }}

-- Hour by hour what changed at a unit: what the questions about whole units are asked of.
with

hourly as (
    {%- if follows_change() %}
        select * from {{ ref('int_question__left') }}
        union all
        {{ unit_hours(counted, winner, 'int_dossier__changed') | indent(8) }}
    {%- else %}
        {{ unit_hours(counted, winner) | indent(8) }}
    {%- endif %}
),

moved as (
    select
        agency_code,
        hour,
        sum(changes) as changes,
        sum(finished) as finished,
        sum(resolved) as resolved,
        sum(last_minute) as last_minute,
        sum(after_hours) as after_hours
    from hourly
    group by agency_code, hour
)

{{ added_to_built(keys, unit_hour_counts()) }}
