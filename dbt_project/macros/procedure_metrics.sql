{#-
    What the metrics of the catalogue of procedures count on a period's last day, each written once: for the figures, and
    for the lists of procedures behind them.
-#}
{% macro catalogue_measures() -%}
    {{ return([
        ('announced', 'span.announced_on <= period.period_to'),
        (
            'announced_and_published',
            'span.announced_on <= period.period_to and span.published_on <= period.period_to',
        ),
        ('published', 'span.published_on <= period.period_to'),
        ('complete', 'span.published_on <= period.period_to and span.is_content_complete'),
    ]) }}
{%- endmacro %}


{% macro catalogue_measures_counted() -%}
    {%- for name, condition in catalogue_measures() -%}
    count(*) filter (where {{ condition }}) as {{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{% macro catalogue_measures_of_procedure() -%}
    {%- for name, condition in catalogue_measures() -%}
    cast(coalesce({{ condition }}, false) as int) as {{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- The rows of a `values` list: metric_code, numerator, denominator over the measures of `cell`. -#}
{% macro catalogue_metric_values(cell) -%}
    ('procedure_public_rate', {{ cell }}.announced_and_published, {{ cell }}.announced),
    ('procedure_content_rate', {{ cell }}.complete, {{ cell }}.published)
{%- endmacro %}


{#- Common table expressions: every announcement, and whether its publication was in time. -#}
{% macro announcements_judged() -%}
-- An announcement that several rows of a procedure repeat is one; the first publication counts.
announcement as (
    select
        procedure_code,
        announced_on,
        min(published_on) as published_on
    from {{ ref('stg_reference__procedure') }}
    where announced_on is not null
    group by procedure_code, announced_on
),

-- Decree 63/2010/NĐ-CP, Art. 24: within 5 working days. Not yet published is late.
judged as (
    select
        announcement.procedure_code,
        announcement.announced_on,
        coalesce(
            {{ working_day_number('published', 'announcement.published_on') }}
            - {{ working_day_number('announced', 'announcement.announced_on') }} <= 5,
            false
        ) as is_on_time
    from announcement
    left join {{ ref('int_time__day') }} as announced on announcement.announced_on = announced.day
    left join {{ ref('int_time__day') }} as published on announcement.published_on = published.day
)
{%- endmacro %}


{#-
    Common table expression: the procedures that the catalogue offers online (level 3, 4) at any time. They are numbered,
    because counting numbers is cheaper than counting texts.
-#}
{% macro offered_procedures() -%}
offered as (
    select
        procedure_code,
        cast(row_number() over (order by procedure_code) as int) as procedure_number
    from {{ ref('int_procedure__span') }}
    where service_level in (3, 4)
    group by procedure_code
)
{%- endmacro %}
