-- The figures of the catalogue of procedures, for the province alone and alike in both views: procedures hang under no
-- unit. A procedure is the first two parts of its code, whatever rows the catalogue has of it.
with

-- The catalogue on each period's last day.
catalogue as (
    select
        period.period_id,
        count(*) filter (where span.announced_on <= period.period_to) as announced,
        count(*) filter (
            where span.announced_on <= period.period_to and span.published_on <= period.period_to
        ) as announced_and_published,
        count(*) filter (where span.published_on <= period.period_to) as published,
        count(*) filter (where span.published_on <= period.period_to and span.is_content_complete) as complete
    from {{ ref('int_period__period') }} as period
    inner join {{ ref('int_procedure__span') }} as span
        on period.period_to between span.valid_from and span.valid_to
    group by period.period_id
),

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
        announcement.announced_on,
        coalesce(
            {{ working_day_number('published', 'announcement.published_on') }}
            - {{ working_day_number('announced', 'announcement.announced_on') }} <= 5,
            false
        ) as is_on_time
    from announcement
    left join {{ ref('int_time__day') }} as announced on announcement.announced_on = announced.day
    left join {{ ref('int_time__day') }} as published on announcement.published_on = published.day
),

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
            ('procedure_public_rate', catalogue.announced_and_published, catalogue.announced),
            ('procedure_content_rate', catalogue.complete, catalogue.published)
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
