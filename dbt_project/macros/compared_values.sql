{#-
    What province and portal are compared by, as one text: the status's stage, the receipt, the appointment shown, the end
    (only under 7, 9, 10) and the unit. Both forms have the same order and types, so that equal texts are equal values.
-#}
{% macro compared_values(side) -%}
    concat_ws(
        '|',
        {{ status_stage('pair.' ~ side ~ '_status') }},
        coalesce(cast(pair.{{ side }}_received_on as text), ''),
        coalesce(cast(pair.{{ side }}_appointment_on as text), ''),
        coalesce(cast(pair.{{ side }}_finished_on as text), ''),
        pair.{{ side }}_agency_code
    )
{%- endmacro %}


{% macro delivered_values() -%}
    concat_ws(
        '|',
        {{ status_stage('delivered.status') }},
        coalesce(cast(cast(delivered.received_at as date) as text), ''),
        coalesce(cast(cast(delivered.shown_appointment_at as date) as text), ''),
        coalesce(
            cast(cast(case when delivered.status in (7, 9, 10) then delivered.ended_at end as date) as text), ''
        ),
        delivered.agency_code
    )
{%- endmacro %}
