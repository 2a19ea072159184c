{#-
    What province and portal are compared by, as one row value: the status's stage, the receipt, the appointment shown,
    the end (only under 7, 9, 10) and the unit. The two forms have the same order and types.
-#}
{% macro compared_values(side) -%}
    (
        {{ status_stage('pair.' ~ side ~ '_status') }}, pair.{{ side }}_received_on, pair.{{ side }}_appointment_on,
        pair.{{ side }}_finished_on, pair.{{ side }}_agency_code
    )
{%- endmacro %}


{% macro delivered_values() -%}
    (
        {{ status_stage('delivered.status') }}, cast(delivered.received_at as date),
        cast(delivered.shown_appointment_at as date),
        cast(case when delivered.status in (7, 9, 10) then delivered.ended_at end as date), delivered.agency_code
    )
{%- endmacro %}
