{#-
    What the metrics of feedback cases count, each written once: for the figures (sums over a unit's cases), and for the
    lists of cases behind them (one case's own measures).
-#}
{% macro feedback_measures() -%}
    {{ return([
        ('total', 'true'),
        ('new', 'is_new'),
        ('handled_on_time', 'is_handled and not is_overdue'),
        ('handled_overdue', 'is_handled and is_overdue'),
        ('in_progress_within', 'not is_handled and not is_overdue'),
        ('in_progress_overdue', 'not is_handled and is_overdue'),
        ('satisfied', 'not is_unhappy and not is_overdue'),
        ('about_behaviour', 'content_kind = 1'),
        ('with_content_kind', 'content_kind is not null'),
    ]) }}
{%- endmacro %}


{% macro feedback_measures_counted() -%}
    {%- for name, condition in feedback_measures() -%}
    count(*) filter (where {{ condition }}) as {{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{% macro feedback_measures_summed() -%}
    {%- for name, condition in feedback_measures() -%}
    sum(cell.{{ name }}) as {{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{% macro feedback_measures_of_case() -%}
    {%- for name, condition in feedback_measures() -%}
    cast(coalesce({{ condition }}, false) as int) as {{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- The rows of a `values` list: metric_code, numerator, denominator over the measures of `cell`. -#}
{% macro feedback_metric_values(cell) -%}
    ('feedback_received_total', {{ cell }}.total, null),
    ('feedback_received_new', {{ cell }}.new, null),
    ('feedback_received_carried_over', {{ cell }}.total - {{ cell }}.new, null),
    ('feedback_handled_total', {{ cell }}.handled_on_time + {{ cell }}.handled_overdue, null),
    ('feedback_handled_on_time', {{ cell }}.handled_on_time, null),
    ('feedback_handled_overdue', {{ cell }}.handled_overdue, null),
    ('feedback_in_progress_total', {{ cell }}.in_progress_within + {{ cell }}.in_progress_overdue, null),
    ('feedback_in_progress_within', {{ cell }}.in_progress_within, null),
    ('feedback_in_progress_overdue', {{ cell }}.in_progress_overdue, null),
    ('feedback_on_time_rate', {{ cell }}.handled_on_time + {{ cell }}.in_progress_within, {{ cell }}.total),
    ('feedback_satisfaction_rate', {{ cell }}.satisfied, {{ cell }}.total),
    ('feedback_behaviour_share', {{ cell }}.about_behaviour, {{ cell }}.with_content_kind)
{%- endmacro %}


{#- Common table expressions: the cases that count, in every period that shows them. -#}
{% macro feedback_shown() -%}
-- Metrics of a kind of source that is not configured have no row.
configured as (
    select count(*) > 0 as is_configured
    from {{ ref('stg_platform__source') }}
    where source_kind = 'feedback_api' and is_listed
),

feedback as (
    select
        origin.case_code,
        origin.source_id,
        origin.batch_id,
        origin.row_number,
        origin.received_on,
        origin.answered_on,
        origin.due_on,
        origin.content_kind,
        origin.complained_again_on,
        coalesce(origin.satisfaction = 'khong_hai_long', false) as is_dissatisfied,
        {{ place_chain('place', 'as_was', 'origin.agency_code') | indent(8) }} as chain_as_was,
        {{ place_chain('place', 'as_is', 'origin.agency_code') | indent(8) }} as chain_as_is
    from {{ ref('int_feedback__case') }} as origin
    cross join configured
    left join {{ ref('int_agency__place') }} as place
        on
            origin.agency_code = place.agency_code
            and origin.received_on between place.received_from and place.received_to
    where origin.is_counted and configured.is_configured
),

-- Every case in every period that shows it.
shown as (
    select
        period.period_id,
        feedback.case_code,
        feedback.source_id,
        feedback.batch_id,
        feedback.row_number,
        feedback.chain_as_was,
        feedback.chain_as_is,
        feedback.content_kind,
        feedback.received_on >= period.period_from as is_new,
        coalesce(feedback.answered_on <= period.period_to, false) as is_handled,
        case
            when feedback.answered_on <= period.period_to then feedback.answered_on > feedback.due_on
            else feedback.due_on < period.period_to
        end as is_overdue,
        feedback.is_dissatisfied or coalesce(feedback.complained_again_on <= period.period_to, false) as is_unhappy
    from feedback
    inner join {{ ref('int_period__period') }} as period
        on
            feedback.received_on <= period.period_to
            and (feedback.answered_on is null or feedback.answered_on >= period.period_from)
)
{%- endmacro %}
