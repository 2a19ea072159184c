{#-
    What two systems must agree on about a status. 2 and 4 are one stage (received, in progress), 9 and 10 another (result
    ready, result returned): nothing that is counted depends on which of the two a system shows. All others stand alone.
-#}
{% macro status_stage(status) -%}
    case {{ status }} when 2 then 4 when 10 then 9 else {{ status }} end
{%- endmacro %}
