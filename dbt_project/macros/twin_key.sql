{#-
    What a pair that only one side has shares with its twin, the same dossier under another code that nothing links: the
    procedure, the unit's successor, the day of receipt. Null where one of them is unknown, or where it can have none.
-#}
{% macro twin_key(pair, here_place, there_place) -%}
case
    when {{ pair }}.result = 'only_here'
        then
            {{ pair }}.procedure_code || ' ' || {{ here_place }}.current_agency_code || ' '
            || {{ pair }}.here_received_on
    when {{ pair }}.result = 'only_there' and {{ pair }}.here_state = 'none'
        then
            {{ pair }}.procedure_code || ' ' || {{ there_place }}.current_agency_code || ' '
            || {{ pair }}.there_received_on
end
{%- endmacro %}
