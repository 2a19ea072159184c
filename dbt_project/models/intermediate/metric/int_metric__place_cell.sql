-- Periods out of months: what happened adds up over the months, the state is the last month's, and what is carried
-- over is what was in progress at the end of the month before.
select
    period_month.period_id,
    cell.place_id,
    cell.field_code,
    cast(coalesce(sum(cell.received_online) filter (where period_month.is_within), 0) as int) as received_online,
    cast(coalesce(sum(cell.received_direct_postal) filter (where period_month.is_within), 0) as int) as received_direct_postal,
    cast(coalesce(sum(cell.in_progress_total) filter (where period_month.is_before), 0) as int) as received_carried_over,
    cast(coalesce(sum(cell.resolved_early) filter (where period_month.is_within), 0) as int) as resolved_early,
    cast(coalesce(sum(cell.resolved_on_time) filter (where period_month.is_within), 0) as int) as resolved_on_time,
    cast(coalesce(sum(cell.resolved_overdue) filter (where period_month.is_within), 0) as int) as resolved_overdue,
    cast(coalesce(sum(cell.in_progress_total) filter (where period_month.is_last), 0) as int) as in_progress_total,
    cast(coalesce(sum(cell.in_progress_overdue) filter (where period_month.is_last), 0) as int) as in_progress_overdue,
    cast(coalesce(sum(cell.suspended_total) filter (where period_month.is_last), 0) as int) as suspended_total
from {{ ref('int_metric__month_cell') }} as cell
inner join {{ ref('int_period__month') }} as period_month
    on
        cell.period_convention = period_month.period_convention
        and cell.month_index = period_month.month_index
group by period_month.period_id, cell.place_id, cell.field_code
