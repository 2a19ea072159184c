{%- set keys = ['procedure_code', 'received_month', 'finished_month'] -%}
{{ config(materialized='incremental', unique_key=keys, post_hook="{{ drop_empty(['dossiers']) }}") }}

-- Few rows: dossiers with one procedure and the same calendar months of receipt and end are one. One in progress ends
-- after all months.
with

moved as (
    select
        measure.procedure_code,
        {{ month_index('measure.received_on', "'calendar'") | indent(8) }} as received_month,
        coalesce({{ month_index('measure.finished_on', "'calendar'") | indent(8) }}, 999999) as finished_month,
        {{ counted_dossiers() }} as dossiers,
        {{ counted_dossiers(where='measure.has_fee_to_pay and measure.is_paid_online') }} as paid_dossiers
    from {{ measured_dossiers() }} as measure
    group by measure.procedure_code, received_month, finished_month
)

{{ added_to_built(keys, ['dossiers', 'paid_dossiers']) }}
