-- The places that make up every unit in each view, as numbered sets. Two units of one set have the same dossiers, and
-- so the same figures: a unit that no reorganisation touched is one set in both views, counted once.
with

unit as (
    select
        org_view,
        agency_code,
        array_agg(place_id order by place_id) as places
    from {{ ref('int_agency__place_unit') }}
    group by org_view, agency_code
)

select
    cast(dense_rank() over (order by places) as int) as place_set_id,
    org_view,
    agency_code,
    places
from unit
