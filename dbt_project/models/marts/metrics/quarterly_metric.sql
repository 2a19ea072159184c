-- Written in the order of periods: an index of page ranges then finds a period at almost no cost to the build.
{{ config(indexes=[{'columns': ['period_convention', 'period'], 'type': 'brin'}]) }}

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    cell.org_view,
    cell.agency_code,
    label.agency_level,
    cell.field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(null as numeric) as denominator,
    cast(figure.numerator as numeric) as value,
    metric.version as metric_version
from {{ ref('int_metric__unit_cell') }} as cell
inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
left join {{ ref('int_agency__label') }} as label
    on
        cell.org_view = label.org_view
        and cell.agency_code = label.agency_code
        and cell.period_id = label.period_id
cross join
    lateral (
        values
        ('received_total', cell.received_total),
        ('received_online', cell.received_online),
        ('received_direct_postal', cell.received_direct_postal),
        ('received_carried_over', cell.received_carried_over),
        ('resolved_total', cell.resolved_total),
        ('resolved_early', cell.resolved_early),
        ('resolved_on_time', cell.resolved_on_time),
        ('resolved_overdue', cell.resolved_overdue),
        ('in_progress_total', cell.in_progress_total),
        ('in_progress_within', cell.in_progress_within),
        ('in_progress_overdue', cell.in_progress_overdue),
        ('suspended_total', cell.suspended_total)
    ) as figure (metric_code, numerator)
inner join {{ ref('metric_definition') }} as metric on figure.metric_code = metric.metric_code
where figure.numerator <> 0
order by cell.period_id
