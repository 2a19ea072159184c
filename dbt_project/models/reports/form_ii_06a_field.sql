-- Written in the order of periods, as quarterly_metric, and with the same two indexes.
{{
    config(indexes=[
        {'columns': ['period_convention', 'period'], 'type': 'brin'},
        {'columns': ['agency_code', 'period_convention', 'period']}
    ])
}}

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    cell.org_view,
    cell.agency_code,
    coalesce(label.agency_name_vi, cell.agency_code) as agency_name_vi,
    cell.field_code,
    field.field_name_vi,
    cell.received_total,
    cell.received_online,
    cell.received_direct_postal,
    cell.received_carried_over,
    cell.resolved_total,
    cell.resolved_early,
    cell.resolved_on_time,
    cell.resolved_overdue,
    cell.in_progress_total,
    cell.in_progress_within,
    cell.in_progress_overdue
from {{ ref('int_metric__unit_cell') }} as cell
inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
inner join {{ ref('dim_field') }} as field on cell.field_code = field.field_code
left join {{ ref('int_agency__label') }} as label
    on
        cell.period_id = label.period_id
        and cell.org_view = label.org_view
        and cell.agency_code = label.agency_code
where cell.field_code <> '*' and cell.received_total <> 0
order by cell.period_id
