{%- set keys = ['place_id', 'field_code', 'period_convention', 'month_index', 'processing_working_days'] -%}
{{ config(materialized='incremental', unique_key=keys, post_hook="{{ drop_empty(['dossiers']) }}") }}

-- How many dossiers took how many working days, month by month of their end, place and field: a histogram of whole
-- days, from which the percentiles of any unit and period are exact.
with

moved as (
    select
        measure.place_id,
        measure.field_code,
        convention.name as period_convention,
        {{ month_index('measure.finished_on', 'convention.name') | indent(8) }} as month_index,
        measure.processing_working_days,
        {{ counted_dossiers() }} as dossiers
    from {{ measured_dossiers() }} as measure
    cross join (values ('statutory'), ('calendar')) as convention (name)
    where measure.is_resolved_by_result
    group by
        measure.place_id, measure.field_code, convention.name, month_index, measure.processing_working_days
)

{{ added_to_built(keys, ['dossiers']) }}
