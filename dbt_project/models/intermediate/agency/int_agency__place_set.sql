-- The members of each set of places: where the figures of a place are added up.
select distinct
    sets.place_set_id,
    place_id
from {{ ref('int_agency__unit_places') }} as sets
cross join lateral unnest(sets.places) as place_id
