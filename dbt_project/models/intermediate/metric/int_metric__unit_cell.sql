-- Every unit's figures in both views: its own dossiers' and those of all units below it, by field and for all fields
-- (*). The one place where the form's totals are made; metrics and forms only give it their shape.
select
    cell.period_id,
    unit.org_view,
    unit.agency_code,
    case when grouping(cell.field_code) = 1 then '*' else cell.field_code end as field_code,
    sum(cell.received_online + cell.received_direct_postal + cell.received_carried_over) as received_total,
    sum(cell.received_online) as received_online,
    sum(cell.received_direct_postal) as received_direct_postal,
    sum(cell.received_carried_over) as received_carried_over,
    sum(cell.resolved_early + cell.resolved_on_time + cell.resolved_overdue) as resolved_total,
    sum(cell.resolved_early) as resolved_early,
    sum(cell.resolved_on_time) as resolved_on_time,
    sum(cell.resolved_overdue) as resolved_overdue,
    sum(cell.in_progress_total) as in_progress_total,
    sum(cell.in_progress_total - cell.in_progress_overdue) as in_progress_within,
    sum(cell.in_progress_overdue) as in_progress_overdue,
    sum(cell.suspended_total) as suspended_total
from {{ ref('int_metric__place_cell') }} as cell
inner join {{ ref('int_agency__place_unit') }} as unit on cell.place_id = unit.place_id
where
    cell.received_online + cell.received_direct_postal + cell.received_carried_over > 0
    or cell.resolved_early + cell.resolved_on_time + cell.resolved_overdue + cell.in_progress_total > 0
group by grouping sets (
    (cell.period_id, unit.org_view, unit.agency_code, cell.field_code),
    (cell.period_id, unit.org_view, unit.agency_code)
)
