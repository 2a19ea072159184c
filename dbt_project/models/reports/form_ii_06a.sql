{{ config(indexes=[{'columns': ['period_convention', 'period', 'org_view', 'agency_code'], 'unique': true}]) }}

with

-- The province has its row in every period, even an empty one.
province as (
    select
        period.period_id,
        org_view,
        '{{ var("province_code") }}' as agency_code
    from {{ ref('int_period__period') }} as period
    cross join (values ('as_was'), ('as_is')) as view (org_view)
),

cell as (
    select *
    from {{ ref('int_metric__unit_cell') }}
    where field_code = '*' and received_total <> 0
)

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    org_view,
    agency_code,
    coalesce(label.agency_name_vi, agency_code) as agency_name_vi,
    coalesce(cell.received_total, 0) as received_total,
    coalesce(cell.received_online, 0) as received_online,
    coalesce(cell.received_direct_postal, 0) as received_direct_postal,
    coalesce(cell.received_carried_over, 0) as received_carried_over,
    coalesce(cell.resolved_total, 0) as resolved_total,
    coalesce(cell.resolved_early, 0) as resolved_early,
    coalesce(cell.resolved_on_time, 0) as resolved_on_time,
    coalesce(cell.resolved_overdue, 0) as resolved_overdue,
    coalesce(cell.in_progress_total, 0) as in_progress_total,
    coalesce(cell.in_progress_within, 0) as in_progress_within,
    coalesce(cell.in_progress_overdue, 0) as in_progress_overdue
from province
full join cell using (period_id, org_view, agency_code)
inner join {{ ref('int_period__period') }} as period using (period_id)
left join {{ ref('int_agency__label') }} as label using (period_id, org_view, agency_code)
