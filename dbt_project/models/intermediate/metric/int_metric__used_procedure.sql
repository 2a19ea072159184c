{%- set keys = ['place_id', 'field_code', 'procedure_number', 'period_convention', 'month_index'] -%}
{{ config(materialized='incremental', unique_key=keys, post_hook="{{ drop_empty(['dossiers']) }}") }}

-- Which procedures had a new dossier, and a new online one, month by month, place and field: of those that the
-- catalogue offers online (level 3, 4) at any time. is_offered: on the day of receipt of one of the month's dossiers.
with

{{ offered_procedures() }},

moved as (
    select
        measure.place_id,
        measure.field_code,
        offered.procedure_number,
        convention.name as period_convention,
        {{ month_index('measure.received_on', 'convention.name') | indent(8) }} as month_index,
        {{ counted_dossiers() }} as dossiers,
        {{ counted_dossiers(where='measure.catalogue_level in (3, 4)') }} as offered_dossiers,
        {{ counted_dossiers(where='measure.channel = 2') }} as online_dossiers
    from {{ measured_dossiers() }} as measure
    inner join offered on measure.procedure_code = offered.procedure_code
    cross join (values ('statutory'), ('calendar')) as convention (name)
    group by measure.place_id, measure.field_code, offered.procedure_number, convention.name, month_index
)

select
    cell.*,
    cell.offered_dossiers > 0 as is_offered,
    cell.online_dossiers > 0 as is_online
from (
    {{ added_to_built(keys, ['dossiers', 'offered_dossiers', 'online_dossiers']) | indent }}
) as cell
