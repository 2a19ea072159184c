{%- set keys = ['place_id', 'field_code', 'period_convention', 'finished_month', 'apologised_month'] -%}
{{ config(materialized='incremental', unique_key=keys, post_hook="{{ drop_empty(['dossiers']) }}") }}

-- Dossiers resolved overdue whose first apology came in a later month than their end: of the periods that hold the end,
-- only those that also reach the apology count it. The one part of the dossiers' figures that months do not add up to.
with

dossier as (
    select
        measure.*,
        convention.name as period_convention,
        {{ month_index('measure.finished_on', 'convention.name') | indent(8) }} as finished_month,
        {{ month_index('measure.apologised_on', 'convention.name') | indent(8) }} as apologised_month
    from {{ measured_dossiers() }} as measure
    cross join (values ('statutory'), ('calendar')) as convention (name)
    where measure.outcome = 'overdue' and measure.apologised_on > measure.finished_on
),

moved as (
    select
        place_id,
        field_code,
        period_convention,
        finished_month,
        apologised_month,
        {{ counted_dossiers() }} as dossiers
    from dossier
    where apologised_month > finished_month
    group by place_id, field_code, period_convention, finished_month, apologised_month
)

{{ added_to_built(keys, ['dossiers']) }}
