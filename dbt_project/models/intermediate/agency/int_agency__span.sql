-- Units as spans that never overlap. valid_from and valid_to are the days of the row (infinite where open); used_from
-- and used_to stretch them over all days: on a day without the unit, its nearest day of validity names and places it.
with

span as (
    {{ disjoint_spans(ref('stg_reference__agency'), 'agency_code') | indent }}
)

select
    span.agency_code,
    span.valid_from,
    span.valid_to,
    {{ stretched_from('span.valid_from', 'span.valid_to', 'life') }} as used_from,
    {{ stretched_to('span.valid_from', 'span.valid_to', 'life') }} as used_to,
    unit.name_vi,
    unit.name_en,
    unit.agency_level,
    unit.parent_code,
    unit.gso_code
from span
inner join {{ ref('stg_reference__agency') }} as unit on span.row_number = unit.row_number
window life as (partition by span.agency_code order by span.valid_from)
