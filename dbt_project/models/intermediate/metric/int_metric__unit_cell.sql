-- Every unit's figures in both views: its own dossiers' and those of all units below it, by field and for all fields
-- (*). The one place where the form's totals are made; metrics and forms only give it their shape. Units with the same
-- places are added up once.
with

place_set as (
    select
        cell.period_id,
        member.place_set_id,
        case when grouping(cell.field_code) = 1 then '*' else cell.field_code end as field_code,
        {{ period_columns_summed() }}
    from {{ ref('int_metric__place_cell') }} as cell
    inner join {{ ref('int_agency__place_set') }} as member on cell.place_id = member.place_id
    where
        cell.received_online + cell.received_direct_postal + cell.received_carried_over > 0
        or cell.resolved_early + cell.resolved_on_time + cell.resolved_overdue + cell.in_progress_total > 0
    group by grouping sets (
        (cell.period_id, member.place_set_id, cell.field_code),
        (cell.period_id, member.place_set_id)
    )
)

select
    cell.period_id,
    unit.org_view,
    unit.agency_code,
    cell.field_code,
    {{ form_totals('cell') }},
    {{ period_columns() }}
from place_set as cell
inner join {{ ref('int_agency__unit_places') }} as unit on cell.place_set_id = unit.place_set_id
order by cell.period_id
