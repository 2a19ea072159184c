-- Every ratio lies between 0 and 1, of whole dossiers, cases, procedures, units; every value is its numerator over its
-- denominator; a count has none; no row is empty; a score's points fit into its maximum. What reference files bring is
-- theirs to get right.
select
    figure.period_convention,
    figure.period,
    figure.org_view,
    figure.agency_code,
    figure.field_code,
    figure.metric_code,
    figure.numerator,
    figure.denominator,
    figure.value
from {{ ref('quarterly_metric') }} as figure
inner join {{ ref('dim_metric') }} as metric on figure.metric_code = metric.metric_code
where
    figure.numerator < 0
    or (figure.denominator is null) <> (metric.denominator is null)
    or (figure.numerator = 0 and coalesce(figure.denominator, 0) = 0)
    or (
        metric.unit in ('ratio', 'point')
        and metric.family <> 'reference'
        and figure.numerator > figure.denominator
    )
    or figure.value is distinct from case
        when figure.denominator is null then figure.numerator
        when figure.denominator <> 0 then figure.numerator / figure.denominator
    end
