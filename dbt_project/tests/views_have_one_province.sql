-- Units come and go, the province stays: what is a sum over dossiers is the same at the province in both views.
select
    period_convention,
    period,
    field_code,
    metric_code
from {{ ref('quarterly_metric') }}
where
    agency_code = '{{ var("province_code") }}'
    and metric_code in (
        select metric_code
        from {{ ref('dim_metric') }}
        where family in ('form', 'dossier', 'portal') and metric_code <> 'electronic_certification_unit_rate'
    )
group by period_convention, period, field_code, metric_code
having
    count(*) <> 2
    or min(numerator) <> max(numerator)
    or min(denominator) is distinct from max(denominator)
