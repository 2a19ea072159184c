-- Every unit's chain of units above it, itself first and the province's root last, for every day from -infinity to
-- infinity. as_was: in the tree of the day; where the unit did not exist, of its nearest day of validity.
-- as_is: the unit's successor, followed to the end, in the tree of the build's day.
-- A chain ends under the root where a parent is missing, not valid on the day, or already part of the chain.
{{ config(post_hook="{{ look_up_units() }}") }}
{%- set root = "'" ~ var('province_code') ~ "'" %}
with recursive

span as (
    select
        agency_code,
        valid_from,
        valid_to,
        parent_code
    from {{ ref('int_agency__span') }}
),

neighbouring as (
    select
        *,
        lag(valid_to) over life as previous_to,
        lead(valid_from) over life as next_from
    from span
    window life as (partition by agency_code order by valid_from)
),

-- All days of every unit: those in the tree, and those before, between and after them.
unit_day as (
    select
        agency_code,
        valid_from,
        valid_to,
        parent_code,
        true as is_in_tree
    from span
    union all
    select
        agency_code,
        coalesce(previous_to + 1, '-infinity') as valid_from,
        valid_from - 1 as valid_to,
        null as parent_code,
        false as is_in_tree
    from neighbouring
    where valid_from > coalesce(previous_to + 1, '-infinity')
    union all
    select
        agency_code,
        valid_to + 1 as valid_from,
        cast('infinity' as date) as valid_to,
        null as parent_code,
        false as is_in_tree
    from neighbouring
    where next_from is null and valid_to < 'infinity'
),

climb as (
    select
        agency_code,
        valid_from,
        valid_to,
        array[agency_code] as chain,
        parent_code as next_code
    from span
    where agency_code <> {{ root }}
    union all
    select
        climb.agency_code,
        greatest(climb.valid_from, parent.valid_from) as valid_from,
        least(climb.valid_to, parent.valid_to) as valid_to,
        case when parent.is_in_tree then climb.chain || parent.agency_code else climb.chain end as chain,
        parent.parent_code as next_code
    from climb
    inner join unit_day as parent
        on
            climb.next_code = parent.agency_code
            and climb.valid_from <= parent.valid_to
            and climb.valid_to >= parent.valid_from
    where climb.next_code <> {{ root }} and climb.next_code <> all(climb.chain)
),

existing as (
    select
        agency_code,
        valid_from,
        valid_to,
        chain || cast({{ root }} as text) as chain
    from climb
    where
        next_code is null
        or next_code = {{ root }}
        or next_code = any(chain)
        or next_code not in (select agency_code from span)
),

-- Units that no reference file knows hang under the root: no dossier is lost.
unknown as (
    select code as agency_code
    from (
        select named_unit.agency_code as code
        from {{ ref('int_agency__named') }} as named_unit
        left join {{ ref('int_portal__file') }} as file on named_unit.file_id = file.file_id
        where named_unit.file_id is null or file.is_current
        union
        select successor_code as code
        from {{ ref('stg_reference__agency_succession') }}
    ) as named
    where code <> {{ root }} and code not in (select agency_code from span)
),

as_was as (
    select
        agency_code,
        {{ stretched_from('valid_from', 'valid_to', 'life') }} as received_from,
        {{ stretched_to('valid_from', 'valid_to', 'life') }} as received_to,
        chain
    from existing
    window life as (partition by agency_code order by valid_from)
    union all
    select
        agency_code,
        '-infinity' as received_from,
        'infinity' as received_to,
        array[agency_code, {{ root }}] as chain
    from unknown
    union all
    select
        {{ root }} as agency_code,
        '-infinity' as received_from,
        'infinity' as received_to,
        array[{{ root }}] as chain
),

-- Every predecessor's default successor, where the succession is in force on the build's day.
succession as (
    select distinct on (named.predecessor_code)
        named.predecessor_code,
        named.successor_code,
        named.effective_on
    from {{ ref('stg_reference__agency_succession') }} as named
    cross join {{ ref('int_build__moment') }} as moment
    where
        named.is_default
        and named.successor_code <> named.predecessor_code
        and named.effective_on <= moment.known_on
    order by named.predecessor_code asc, named.row_number desc
),

-- A succession applies to what was received before it: what was received later stays with the unit named. Each
-- succession is followed once, so that two units that succeed each other do not go round for ever.
follow as (
    select distinct
        agency_code,
        agency_code as current_code,
        cast('-infinity' as date) as received_from,
        cast('infinity' as date) as received_to,
        cast(array[] as text[]) as followed,
        false as is_end
    from as_was
    union all
    select
        follow.agency_code,
        case when branch.is_moved then succession.successor_code else follow.current_code end as current_code,
        case
            when branch.is_moved then follow.received_from
            else greatest(follow.received_from, succession.effective_on)
        end as received_from,
        case
            when branch.is_moved then least(follow.received_to, succession.effective_on - 1)
            else follow.received_to
        end as received_to,
        follow.followed || follow.current_code as followed,
        not branch.is_moved as is_end
    from follow
    inner join succession on follow.current_code = succession.predecessor_code
    cross join (values (true), (false)) as branch (is_moved)
    where
        not follow.is_end
        and follow.current_code <> all(follow.followed)
        and case
            when branch.is_moved then follow.received_from < succession.effective_on
            else follow.received_to >= succession.effective_on
        end
),

followed_to_the_end as (
    select
        agency_code,
        current_code,
        received_from,
        received_to
    from follow
    where
        is_end
        or current_code = any(followed)
        or current_code not in (select predecessor_code from succession)
)

select
    'as_was' as org_view,
    agency_code,
    received_from,
    received_to,
    chain
from as_was
union all
select
    'as_is' as org_view,
    ended.agency_code,
    ended.received_from,
    ended.received_to,
    as_was.chain
from followed_to_the_end as ended
cross join {{ ref('int_build__moment') }} as moment
inner join as_was
    on
        ended.current_code = as_was.agency_code
        and moment.known_on between as_was.received_from and as_was.received_to
