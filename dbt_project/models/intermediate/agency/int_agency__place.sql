-- The places that a dossier can have: its unit and a span of receipt days, over which both views hold one chain each.
select
    cast(row_number() over (
        order by as_was.agency_code, greatest(as_was.received_from, as_is.received_from)
    ) as int) as place_id,
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
