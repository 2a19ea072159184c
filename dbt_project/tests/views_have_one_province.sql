-- Moving figures to successors moves none in or out of the province: of every metric that adds up, the province's
-- figures are the same in both views. Which communes there are is asked for another day in as_is: those differ.
select
    figure.period_convention,
    figure.period,
    figure.field_code,
    figure.metric_code
from {{ ref('quarterly_metric') }} as figure
inner join {{ ref('dim_metric') }} as metric on figure.metric_code = metric.metric_code
where
    figure.agency_code = '{{ var("province_code") }}'
    and metric.is_additive
    and metric.metric_code <> 'electronic_certification_unit_rate'
group by figure.period_convention, figure.period, figure.field_code, figure.metric_code
having
    count(*) <> 2
    or min(figure.numerator) <> max(figure.numerator)
    or min(figure.denominator) is distinct from max(figure.denominator)
