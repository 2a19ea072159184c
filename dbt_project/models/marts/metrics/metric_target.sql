-- The targets of targets.csv, for metrics that the registry knows (a test warns of others).
select
    target.metric_code,
    target.agency_level,
    target.year as target_year,
    target.target,
    target.legal_basis
from {{ ref('stg_reference__target') }} as target
inner join {{ ref('dim_metric') }} as metric on target.metric_code = metric.metric_code
