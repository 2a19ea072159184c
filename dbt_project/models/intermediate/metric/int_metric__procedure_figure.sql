-- The figures of the catalogue of procedures, for the province alone and alike in both views: procedures hang under no
-- unit. A procedure is the first two parts of its code, whatever rows the catalogue has of it.
with

-- The catalogue on each period's last day.
catalogue as (
    select
        period.period_id,
        {{ catalogue_measures_counted() | indent(8) }}
    from {{ ref('int_period__period') }} as period
    inner join {{ ref('int_procedure__span') }} as span
        on period.period_to between span.valid_from and span.valid_to
    group by period.period_id
),

{{ announcements_judged() }},

timely as (
    select
        period.period_id,
        count(*) as announced,
        count(*) filter (where judged.is_on_time) as on_time
    from {{ ref('int_period__period') }} as period
    inner join judged on judged.announced_on between period.period_from and period.period_to
    group by period.period_id
),

figure as (
    select
        catalogue.period_id,
        metric.metric_code,
        metric.numerator,
        metric.denominator
    from catalogue
    cross join
        lateral (
            values
            {{ catalogue_metric_values('catalogue') | indent(12) }}
        ) as metric (metric_code, numerator, denominator)
    union all
    select
        period_id,
        'procedure_on_time_publication_rate' as metric_code,
        on_time as numerator,
        announced as denominator
    from timely
)

select
    figure.period_id,
    org_view,
    '{{ var("province_code") }}' as agency_code,
    '*' as field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(figure.denominator as numeric) as denominator
from figure
cross join (values ('as_was'), ('as_is')) as view (org_view)
where figure.denominator <> 0
