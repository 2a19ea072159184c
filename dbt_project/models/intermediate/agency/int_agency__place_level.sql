-- The level of administration that a place belongs to in each view: that of the nearest commune, district or province
-- at or above its unit. Departments, branches and a merged province count as province, a district's division as
-- district.
select distinct on (place_unit.place_id, place_unit.org_view)
    place_unit.place_id,
    place_unit.org_view,
    case when span.agency_level in ('commune', 'district') then span.agency_level else 'province' end as agency_level
from {{ ref('int_agency__place_unit') }} as place_unit
inner join {{ ref('int_agency__place') }} as place on place_unit.place_id = place.place_id
cross join {{ ref('int_build__moment') }} as moment
left join {{ ref('int_agency__span') }} as span
    on
        place_unit.agency_code = span.agency_code
        and case when place_unit.org_view = 'as_was' then place.received_from else moment.known_on end
        between span.used_from and span.used_to
order by
    place_unit.place_id asc,
    place_unit.org_view asc,
    coalesce(span.agency_level in ('commune', 'district'), false) desc,
    case
        when place_unit.org_view = 'as_was' then array_position(place.chain_as_was, place_unit.agency_code)
        else array_position(place.chain_as_is, place_unit.agency_code)
    end asc
