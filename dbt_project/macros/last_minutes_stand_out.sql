{#- A unit's share of last minutes stands out beside the others': by far, and beyond chance (four standard deviations). -#}
{% macro last_minutes_stand_out() -%}
    share >= {{ var("question_last_minute_lift") }} * share_elsewhere
    and share - share_elsewhere
    >= 4 * sqrt(least(share_elsewhere, 1) * (1 - least(share_elsewhere, 1)) / resolved)
{%- endmacro %}
