-- The sites of uncertain dossiers, cell by cell: may_be_here after a correction; is_here: it counts here now.
with

site as (
    select distinct on (site_key) *
    from {{ ref('int_quarantine__reach') }}
    order by site_key
),

source_unit as (
    select distinct
        source_place.source_id,
        unit.org_view,
        unit.agency_code
    from {{ ref('int_quarantine__source_place') }} as source_place
    inner join {{ ref('int_agency__place_unit') }} as unit on source_place.place_id = unit.place_id
    where unit.agency_code <> '{{ var("province_code") }}'
)

select
    site.site_key,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    cell.may_be_here,
    cell.is_here
from site
cross join
    lateral unnest(site.org_views, site.agency_codes, site.field_codes, site.may_be_here, site.is_here)
        as cell (org_view, agency_code, field_code, may_be_here, is_here)
where site.source_id is null
union all
select
    site.site_key,
    source_unit.org_view,
    source_unit.agency_code,
    field_code,
    true as may_be_here,
    false as is_here
from site
inner join source_unit on site.source_id = source_unit.source_id
cross join lateral unnest(site.field_codes) as field_code
