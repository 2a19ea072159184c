-- Periods out of months: what happened adds up over the months, the state is the last month's, and what is carried
-- over is what was in progress at the end of the month before.
select
    part.period_id,
    cell.place_id,
    cell.field_code,
    cast(coalesce(sum(cell.received_online) filter (where part.is_within), 0) as int) as received_online,
    cast(coalesce(sum(cell.received_direct_postal) filter (where part.is_within), 0) as int) as received_direct_postal,
    cast(coalesce(sum(cell.in_progress_total) filter (where part.is_before), 0) as int) as received_carried_over,
    cast(coalesce(sum(cell.resolved_early) filter (where part.is_within), 0) as int) as resolved_early,
    cast(coalesce(sum(cell.resolved_on_time) filter (where part.is_within), 0) as int) as resolved_on_time,
    cast(coalesce(sum(cell.resolved_overdue) filter (where part.is_within), 0) as int) as resolved_overdue,
    cast(coalesce(sum(cell.in_progress_total) filter (where part.is_last), 0) as int) as in_progress_total,
    cast(coalesce(sum(cell.in_progress_overdue) filter (where part.is_last), 0) as int) as in_progress_overdue,
    cast(coalesce(sum(cell.suspended_total) filter (where part.is_last), 0) as int) as suspended_total
from {{ ref('int_metric__month_cell') }} as cell
inner join {{ ref('int_period__month') }} as part
    on
        cell.period_convention = part.period_convention
        and cell.month_index = part.month_index
group by part.period_id, cell.place_id, cell.field_code
