-- What is new and what is resolved in a longer period is the sum over its months, unit by unit. Of a period under way
-- the months not begun are not shown: only periods that are over are compared.
with

flow as (
    select
        cell.period_id,
        cell.org_view,
        cell.agency_code,
        period.period_convention,
        period.period_kind,
        period.first_month,
        period.last_month,
        period.is_preliminary,
        cell.received_online,
        cell.received_direct_postal,
        cell.resolved_total
    from {{ ref('int_metric__unit_cell') }} as cell
    inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
    where cell.field_code = '*'
),

summed as (
    select
        longer.period_id,
        longer.period_kind,
        flow.org_view,
        flow.agency_code,
        sum(flow.received_online) as received_online,
        sum(flow.received_direct_postal) as received_direct_postal,
        sum(flow.resolved_total) as resolved_total
    from {{ ref('int_period__period') }} as longer
    inner join {{ ref('int_period__month') }} as part on longer.period_id = part.period_id and part.is_within
    inner join flow
        on
            flow.period_kind = 'month'
            and part.period_convention = flow.period_convention
            and part.month_index = flow.first_month
    where longer.period_kind <> 'month' and not longer.is_preliminary
    group by longer.period_id, longer.period_kind, flow.org_view, flow.agency_code
)

select
    summed.period_id,
    summed.org_view,
    summed.agency_code
from summed
left join flow
    on
        summed.period_id = flow.period_id
        and summed.org_view = flow.org_view
        and summed.agency_code = flow.agency_code
where
    (flow.received_online, flow.received_direct_postal, flow.resolved_total)
    is distinct from (summed.received_online, summed.received_direct_postal, summed.resolved_total)
