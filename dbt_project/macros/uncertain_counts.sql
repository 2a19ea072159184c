{#-
    The counts of the form that an uncertain dossier could be in, by what is known of it, and that a counted one is in.
    As bits of one number, so that a dossier is one row of a period and unit, not one of each count.
-#}
{% macro uncertain_counts() -%}
    {{ return([
        {'code': 'received_total', 'could': 'is_new or is_carried_over', 'does': 'true'},
        {'code': 'received_online', 'could': 'is_new and coalesce(channel = 2, true)', 'does': 'is_new and channel = 2'},
        {'code': 'received_direct_postal', 'could': 'is_new and coalesce(channel <> 2, true)', 'does': 'is_new and channel <> 2'},
        {'code': 'received_carried_over', 'could': 'is_carried_over', 'does': 'not is_new'},
        {'code': 'resolved_total', 'could': 'is_resolved', 'does': 'is_resolved'},
        {'code': 'resolved_early', 'could': 'is_resolved and not is_withdrawn', 'does': "is_resolved and outcome = 'early'"},
        {'code': 'resolved_on_time', 'could': 'is_resolved', 'does': "is_resolved and outcome = 'on_time'"},
        {'code': 'resolved_overdue', 'could': 'is_resolved and not is_withdrawn', 'does': "is_resolved and outcome = 'overdue'"},
        {'code': 'in_progress_total', 'could': 'is_in_progress', 'does': 'not is_resolved'},
        {'code': 'in_progress_within', 'could': 'is_in_progress', 'does': 'not is_resolved and (is_suspended or not is_past_due)'},
        {'code': 'in_progress_overdue', 'could': 'is_in_progress', 'does': 'not is_resolved and not is_suspended and is_past_due'},
        {'code': 'suspended_total', 'could': 'is_in_progress', 'does': 'not is_resolved and is_suspended'}
    ]) }}
{%- endmacro %}


{#- The counts whose condition (`could` or `does`) holds, as one number. -#}
{% macro counts_as_bits(condition) -%}
    {%- for count in uncertain_counts() -%}
    case when {{ count[condition] }} then {{ 2 ** loop.index0 }} else 0 end{{ '' if loop.last else '\n+ ' }}
    {%- endfor -%}
{%- endmacro %}


{#- How many dossiers could enter each count, and how many could leave it. -#}
{% macro counts_moved() -%}
    {%- for count in uncertain_counts() -%}
    {%- set bit = 2 ** loop.index0 -%}
    sum(dossiers) filter (where could_be_in & {{ bit }} > 0 and are_in & {{ bit }} = 0) as {{ count.code }}_enter,
    sum(dossiers) filter (where are_in & {{ bit }} > 0) as {{ count.code }}_leave{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- The columns of counts as rows of a VALUES list. -#}
{% macro counts_as_rows(moved) -%}
    {%- for count in uncertain_counts() -%}
    ('{{ count.code }}', coalesce({{ moved }}.{{ count.code }}_enter, 0), coalesce({{ moved }}.{{ count.code }}_leave, 0))
    {{- '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}
