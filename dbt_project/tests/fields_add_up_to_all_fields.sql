-- What is a sum over dossiers: the fields of a unit add up to its row for all fields, in every quarter.
with

figure as (
    select
        period_convention,
        period,
        org_view,
        agency_code,
        metric_code,
        sum(numerator) filter (where field_code = '*') as all_numerator,
        sum(numerator) filter (where field_code <> '*') as summed_numerator,
        sum(denominator) filter (where field_code = '*') as all_denominator,
        sum(denominator) filter (where field_code <> '*') as summed_denominator
    from {{ ref('quarterly_metric') }}
    where
        period like '%-Q%'
        and metric_code in (
            select metric_code
            from {{ ref('dim_metric') }}
            where family in ('form', 'dossier', 'portal') and is_additive and fields = 'all'
        )
    group by period_convention, period, org_view, agency_code, metric_code
)

select *
from figure
where
    all_numerator is distinct from summed_numerator
    or all_denominator is distinct from summed_denominator
