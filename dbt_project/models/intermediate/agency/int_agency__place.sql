-- The places that a dossier can have: its unit and a span of receipt days, over which both views hold one chain each.
-- A place keeps its number from build to build as long as its unit and its first day stand; changed_in: the build that
-- found it new or otherwise than before.
with

place as (
    select
        as_was.agency_code,
        greatest(as_was.received_from, as_is.received_from) as received_from,
        least(as_was.received_to, as_is.received_to) as received_to,
        as_is.chain[1] as current_agency_code,
        as_was.chain as chain_as_was,
        as_is.chain as chain_as_is
    from {{ ref('int_agency__path') }} as as_was
    inner join {{ ref('int_agency__path') }} as as_is
        on
            as_was.agency_code = as_is.agency_code
            and as_was.received_from <= as_is.received_to
            and as_was.received_to >= as_is.received_from
    where as_was.org_view = 'as_was' and as_is.org_view = 'as_is'
)

select
    {% if follows_change() -%}
        coalesce(
            before.place_id,
            (select max(known.place_id) from {{ this }} as known)
            + cast(row_number() over (
                partition by before.place_id is null
                order by place.agency_code, place.received_from
            ) as int)
        ) as place_id,
    {%- else -%}
        cast(row_number() over (order by place.agency_code, place.received_from) as int) as place_id,
    {%- endif %}
    place.agency_code,
    place.received_from,
    place.received_to,
    place.current_agency_code,
    place.chain_as_was,
    place.chain_as_is,
    {% if follows_change() -%}
        case
            when before.received_to = place.received_to and before.current_agency_code = place.current_agency_code
                then before.changed_in
            else moment.build_number
        end as changed_in
    {%- else -%}
        moment.build_number as changed_in
    {%- endif %}
from place
cross join {{ ref('int_build__moment') }} as moment
{%- if follows_change() %}
    left join {{ this }} as before
        on place.agency_code = before.agency_code and place.received_from = before.received_from
{%- endif %}
