-- Communes at and below every unit on the period's last day (as_is: on the build's day), and those of them with a
-- dossier resolved in the period that has an electronic certified copy. One that no longer exists then is not counted.
with

{{ communes_looked_at() }}

select
    commune.period_id,
    commune.org_view,
    unit.agency_code,
    count(*) filter (where cell.resolved_certified > 0) as certifying,
    count(*) as communes
from commune
left join {{ ref('int_metric__unit_cell') }} as cell
    on
        commune.period_id = cell.period_id
        and commune.org_view = cell.org_view
        and commune.agency_code = cell.agency_code
        and cell.field_code = '*'
cross join lateral unnest(commune.chain) as unit (agency_code)
group by commune.period_id, commune.org_view, unit.agency_code
