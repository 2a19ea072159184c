-- A place's units in each view: where its dossiers' figures belong.
select
    place.place_id,
    'as_was' as org_view,
    unit.agency_code
from {{ ref('int_agency__place') }} as place
cross join unnest(place.chain_as_was) as unit (agency_code)
union all
select
    place.place_id,
    'as_is' as org_view,
    unit.agency_code
from {{ ref('int_agency__place') }} as place
cross join unnest(place.chain_as_is) as unit (agency_code)
