{#-
    What an uncertain dossier could be to each metric that is a sum over dossiers, by what is known of it. It could stand
    in the denominator alone (`against`), in both (`for`), or in neither; of a count only `for` is asked. What a counted
    dossier is now says int_metric__counted_dossier. Both as bits of one number, so that a dossier is one row of a
    period, not one of each metric.
-#}
{% macro uncertain_metrics() -%}
    {%- set timed = 'is_resolved and not is_withdrawn' -%}
    {%- set new_online = 'is_new and coalesce(channel = 2, true)' -%}
    {%- set new_otherwise = 'is_new and coalesce(channel <> 2, true)' -%}
    {%- set shown_one_stop = '(is_new or is_carried_over) and not is_portal' -%}
    {{ return([
        {'code': 'received_total', 'for': 'is_new or is_carried_over'},
        {'code': 'received_online', 'for': new_online},
        {'code': 'received_direct_postal', 'for': new_otherwise},
        {'code': 'received_carried_over', 'for': 'is_carried_over'},
        {'code': 'resolved_total', 'for': 'is_resolved'},
        {'code': 'resolved_early', 'for': timed},
        {'code': 'resolved_on_time', 'for': 'is_resolved'},
        {'code': 'resolved_overdue', 'for': timed},
        {'code': 'in_progress_total', 'for': 'is_in_progress'},
        {'code': 'in_progress_within', 'for': 'is_in_progress'},
        {'code': 'in_progress_overdue', 'for': 'is_in_progress'},
        {'code': 'suspended_total', 'for': 'is_in_progress'},
        {'code': 'on_time_rate', 'for': 'is_resolved', 'against': timed},
        {'code': 'early_rate', 'for': timed, 'against': 'is_resolved'},
        {'code': 'overdue_rate', 'for': timed, 'against': 'is_resolved'},
        {'code': 'progress_rate', 'for': 'is_new or is_carried_over',
            'against': '(' ~ timed ~ ') or is_in_progress'},
        {'code': 'no_due_date_rate', 'for': 'is_resolved', 'against': 'is_resolved'},
        {'code': 'apology_rate', 'for': '(' ~ timed ~ ') or is_in_progress',
            'against': '(' ~ timed ~ ') or is_in_progress'},
        {'code': 'intake_8h_rate', 'for': new_online, 'against': new_online},
        {'code': 'online_submission_rate', 'for': new_online, 'against': new_otherwise},
        {'code': 'full_online_rate', 'for': new_online, 'against': new_otherwise},
        {'code': 'online_payment_rate', 'for': 'is_resolved', 'against': 'is_resolved'},
        {'code': 'digitised_intake_rate', 'for': 'is_new', 'against': 'is_new'},
        {'code': 'data_reuse_rate', 'for': 'is_new', 'against': 'is_new'},
        {'code': 'identity_verified_rate', 'for': new_online, 'against': new_online},
        {'code': 'electronic_result_rate', 'for': timed, 'against': timed},
        {'code': 'dossier_satisfaction_rate', 'for': 'is_resolved', 'against': 'is_resolved'},
        {'code': 'portal_sync_rate', 'for': shown_one_stop, 'against': shown_one_stop},
        {'code': 'portal_agreement_rate', 'for': shown_one_stop, 'against': shown_one_stop},
    ]) }}
{%- endmacro %}


{#- The metrics whose condition (`for` or `against`) holds, as one number. -#}
{% macro could_as_bits(side) -%}
    {%- for metric in uncertain_metrics() -%}
    {%- if side in metric -%}
    case when {{ metric[side] }} then {{ 2 ** loop.index0 }} else 0 end
    {{- '' if loop.last else '\n+ ' }}
    {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- The metrics in whose numerator a counted dossier stands now (`for`), or in whose denominator alone (`against`). -#}
{% macro is_as_bits(side) -%}
    {%- for metric in uncertain_metrics() -%}
    {%- set is_rate = 'against' in metric -%}
    {%- if side == 'for' or is_rate -%}
    case
        when
            {% if side == 'against' -%}
            '{{ metric.code }}' = any(denominators) and not '{{ metric.code }}' = any(numerators)
            {%- else -%}
            '{{ metric.code }}' = any(numerators)
            {%- endif %}
            then {{ 2 ** loop.index0 }}
        else 0
    end
    {{- '' if loop.last else '\n+ ' }}
    {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- The number that stands for some metrics. -#}
{% macro bits_of(codes) -%}
    {%- set found = namespace(bits=0) -%}
    {%- for metric in uncertain_metrics() -%}
    {%- if metric.code in codes -%}
    {%- set found.bits = found.bits + 2 ** loop.index0 -%}
    {%- endif -%}
    {%- endfor -%}
    {{ return(found.bits) }}
{%- endmacro %}


{#-
    Of every metric: how many dossiers could stand in its numerator, in its denominator alone, in either; how many stand
    there now. Over rows with the numbers could_for, could_against (now or after a correction), is_for, is_against.
-#}
{% macro uncertain_sums() -%}
    {%- for metric in uncertain_metrics() -%}
    {%- set bit = 2 ** loop.index0 -%}
    sum(dossiers) filter (where could_for & {{ bit }} > 0) as {{ metric.code }}_for,
    sum(dossiers) filter (where is_for & {{ bit }} > 0) as {{ metric.code }}_is_for
    {%- if 'against' in metric -%}
    ,
    sum(dossiers) filter (where could_against & {{ bit }} > 0) as {{ metric.code }}_against,
    sum(dossiers) filter (where is_against & {{ bit }} > 0) as {{ metric.code }}_is_against,
    sum(dossiers) filter (where (could_for | could_against) & {{ bit }} > 0) as {{ metric.code }}_touched
    {%- endif -%}
    {{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- The same as rows of a `values` list, beside the figure's numerator and denominator out of a unit's sums (`cell`). -#}
{% macro uncertain_values() -%}
    {%- set figures = {} -%}
    {%- for family in ['form', 'dossier', 'portal'] -%}
    {%- for code, numerator, denominator in dossier_metrics(family) -%}
    {%- do figures.update({code: (numerator, denominator)}) -%}
    {%- endfor -%}
    {%- endfor -%}
    {%- for metric in uncertain_metrics() -%}
    {%- set is_rate = 'against' in metric -%}
    (
        '{{ metric.code }}', {{ figures[metric.code][0] }},
        {{ 'coalesce(' ~ figures[metric.code][1] ~ ', 0)' if is_rate else 'cast(null as bigint)' }},
        moved.{{ metric.code }}_for, moved.{{ metric.code }}_is_for,
        {% if is_rate -%}
        moved.{{ metric.code }}_against, moved.{{ metric.code }}_is_against, moved.{{ metric.code }}_touched
        {%- else -%}
        null, null, moved.{{ metric.code }}_for
        {%- endif %}
    ){{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#-
    A model about rejected rows reads what grows with the history only where there is one: asked once, before anything is
    read.
-#}
{% macro where_anything_is_uncertain() -%}
    exists (select 1 from {{ ref('int_quarantine__possible') }})
{%- endmacro %}
