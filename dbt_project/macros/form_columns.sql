{#- The counted columns of form II.06a, in its order (3 to 13). -#}
{% macro form_columns() -%}
    {{ return([
        'received_total', 'received_online', 'received_direct_postal', 'received_carried_over',
        'resolved_total', 'resolved_early', 'resolved_on_time', 'resolved_overdue',
        'in_progress_total', 'in_progress_within', 'in_progress_overdue',
    ]) }}
{%- endmacro %}
