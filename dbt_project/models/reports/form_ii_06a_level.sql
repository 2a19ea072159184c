-- Form II.06a by level of administration and field: of a unit's figures, those of dossiers handled at each level.
-- The levels of one unit and field add up to its row in form_ii_06a_field.
{{ config(indexes=[{'columns': ['period_convention', 'period'], 'type': 'brin'}]) }}

with

cell as (
    select
        cell.period_id,
        unit.org_view,
        unit.agency_code,
        place.agency_level,
        cell.field_code,
        sum(cell.received_online) as received_online,
        sum(cell.received_direct_postal) as received_direct_postal,
        sum(cell.received_carried_over) as received_carried_over,
        sum(cell.resolved_early) as resolved_early,
        sum(cell.resolved_on_time) as resolved_on_time,
        sum(cell.resolved_overdue) as resolved_overdue,
        sum(cell.in_progress_total) as in_progress_total,
        sum(cell.in_progress_overdue) as in_progress_overdue
    from {{ ref('int_metric__place_cell') }} as cell
    inner join {{ ref('int_agency__place_unit') }} as unit on cell.place_id = unit.place_id
    inner join {{ ref('int_agency__place_level') }} as place
        on unit.place_id = place.place_id and unit.org_view = place.org_view
    where cell.received_online + cell.received_direct_postal + cell.received_carried_over > 0
    group by cell.period_id, unit.org_view, unit.agency_code, place.agency_level, cell.field_code
)

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    cell.org_view,
    cell.agency_code,
    cell.agency_level,
    cell.field_code,
    field.field_name_vi,
    cell.received_online + cell.received_direct_postal + cell.received_carried_over as received_total,
    cell.received_online,
    cell.received_direct_postal,
    cell.received_carried_over,
    cell.resolved_early + cell.resolved_on_time + cell.resolved_overdue as resolved_total,
    cell.resolved_early,
    cell.resolved_on_time,
    cell.resolved_overdue,
    cell.in_progress_total,
    cell.in_progress_total - cell.in_progress_overdue as in_progress_within,
    cell.in_progress_overdue
from cell
inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
inner join {{ ref('dim_field') }} as field on cell.field_code = field.field_code
order by cell.period_id
