{{ config(materialized='view') }}

-- The Decision 766 scores: points of the parts that have data, out of the points that these could bring.
select
    period_id,
    org_view,
    agency_code,
    field_code,
    score_code as metric_code,
    sum(points) as numerator,
    sum(maximum) as denominator
from {{ ref('int_metric__score_part') }}
where reason is null
group by period_id, org_view, agency_code, field_code, score_code
