-- The bridge's line `counted` is the figure that the province publishes.
with

published as (
    select
        period_convention,
        period,
        org_view,
        agency_code,
        sum(value) filter (where metric_code in ('received_online', 'received_direct_postal')) as received,
        sum(value) filter (where metric_code = 'resolved_total') as resolved,
        sum(value) filter (where metric_code = 'in_progress_total') as in_progress
    from {{ ref('quarterly_metric') }}
    where
        field_code = '*'
        and metric_code in ('received_online', 'received_direct_postal', 'resolved_total', 'in_progress_total')
    group by period_convention, period, org_view, agency_code
)

select
    period_convention,
    period,
    org_view,
    agency_code
from published
full join (select * from {{ ref('reconciliation_period') }} where line = 'counted') as bridge
    using (period_convention, period, org_view, agency_code)
where
    coalesce(published.received, 0) <> coalesce(bridge.received, 0)
    or coalesce(published.resolved, 0) <> coalesce(bridge.resolved, 0)
    or coalesce(published.in_progress, 0) <> coalesce(bridge.in_progress, 0)
