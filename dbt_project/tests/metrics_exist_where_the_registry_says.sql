-- A metric has rows in the conventions, for the units and by the fields that the registry names, and nowhere else.
select
    figure.metric_code,
    figure.period_convention,
    figure.agency_code,
    figure.field_code
from {{ ref('quarterly_metric') }} as figure
inner join {{ ref('dim_metric') }} as metric on figure.metric_code = metric.metric_code
where
    metric.conventions not in ('all', figure.period_convention)
    or (metric.levels = 'province' and figure.agency_code <> '{{ var("province_code") }}')
    or (metric.fields = '*' and figure.field_code <> '*')
