-- The bridge between the sources' totals, month by month, at the units that dossiers name: for each line what is
-- received and what is resolved, with its sign. In progress need not be counted: it is all that was received less all
-- that was resolved up to a month, line by line.
with

-- The copies that do not speak for their dossier: of one-stop systems, and further rows of the portal. As a difference
-- of sets, whose size is guessed well: of two joins that find nothing it is guessed to be one row.
silent as (
    select
        batch_id,
        row_number
    from {{ ref('int_dossier__version') }}
    where is_current and not is_deleted
    except all
    (
        select
            here_batch_id as batch_id,
            here_row_number as row_number
        from {{ ref('int_reconciliation__pair') }}
        where here_code is not null
        union all
        select
            there_batch_id as batch_id,
            there_row_number as row_number
        from {{ ref('int_reconciliation__pair') }}
        where there_code is not null
    )
),

-- Every current copy of every system, and what becomes of it. What speaks stands in the pair with all that is asked.
placed as (
    select
        false as is_portal,
        here_source_id as source_id,
        here_place_id as place_id,
        here_received_on as received_on,
        here_finished_on as finished_on,
        case
            when is_test then 'not_counted_test'
            when not is_counted_here then 'not_counted_status'
        end as line
    from {{ ref('int_reconciliation__pair') }}
    where here_code is not null
    union all
    select
        true as is_portal,
        there_source_id as source_id,
        there_place_id as place_id,
        there_received_on as received_on,
        there_finished_on as finished_on,
        case when not is_counted_there then 'portal_not_counted' end as line
    from {{ ref('int_reconciliation__pair') }}
    where there_code is not null
    union all
    select
        delivered.is_portal,
        delivered.source_id,
        place.place_id,
        cast(delivered.received_at as date) as received_on,
        cast(case when delivered.status in (7, 9, 10) then delivered.ended_at end as date) as finished_on,
        case
            when delivered.is_portal then 'portal_duplicate'
            when pair.here_code is null then 'silent_copy'
            else 'duplicate_copy'
        end as line
    from silent
    inner join {{ ref('int_dossier__delivered') }} as delivered
        on
            silent.batch_id = delivered.batch_id
            and silent.row_number = delivered.row_number
    inner join {{ ref('int_agency__place') }} as place
        on
            delivered.agency_code = place.agency_code
            and cast(delivered.received_at as date) between place.received_from and place.received_to
    left join {{ ref('int_dossier__link') }} as link on delivered.dossier_code = link.dossier_code
    left join {{ ref('int_reconciliation__pair') }} as pair
        on coalesce(link.dossier_group, delivered.dossier_code) = pair.dossier_group
),

-- What the portal shows and the province does not count so, and the other way round.
moved as (
    select
        pair.*,
        case
            when pair.is_counted_here and pair.is_counted_there then null
            when pair.is_counted_here and pair.there_code is null then 'only_here'
            when pair.is_counted_here then 'status_conflict'
            when pair.here_state = 'deleted' then 'deleted_here'
            when pair.is_test then 'test_here'
            else 'status_conflict'
        end as one_sided,
        -- the dates of receipt: a dossier that moves with its receipt moves for that reason
        case when pair.here_received_on <> pair.there_received_on then 'date_conflict' else 'unit_conflict' end
            as received_reason,
        case
            when pair.here_finished_on is null or pair.there_finished_on is null then 'status_conflict'
            when pair.here_finished_on <> pair.there_finished_on then 'date_conflict'
            when pair.here_agency_code = pair.there_agency_code then 'date_conflict'
            else 'unit_conflict'
        end as finished_reason
    from {{ ref('int_reconciliation__pair') }} as pair
    where
        (pair.is_counted_here or pair.is_counted_there)
        and not (pair.here_state = 'none')
        and (
            not pair.is_counted_here
            or not pair.is_counted_there
            or pair.here_place_id <> pair.there_place_id
            or pair.here_received_on <> pair.there_received_on
            or pair.here_finished_on is distinct from pair.there_finished_on
        )
),

event as (
    select
        case when placed.is_portal then 'portal_total' else 'source_total' end as line,
        placed.source_id,
        placed.place_id,
        placed.received_on,
        placed.finished_on,
        1 as dossiers
    from placed
    where placed.place_id is not null and placed.received_on is not null
    union all
    select
        line,
        source_id,
        place_id,
        received_on,
        finished_on,
        case when is_portal then 1 else -1 end as dossiers
    from placed
    where line is not null and place_id is not null and received_on is not null
    union all
    select
        'only_there_counted' as line,
        there_source_id as source_id,
        there_place_id as place_id,
        there_received_on as received_on,
        there_finished_on as finished_on,
        1 as dossiers
    from {{ ref('int_reconciliation__pair') }}
    where here_state = 'none' and is_counted_there
    union all
    select
        line,
        cast(null as text) as source_id,
        place_id,
        received_on,
        finished_on,
        dossiers
    from moved
    cross join
        lateral (
            values
            (
                coalesce(one_sided, received_reason), here_place_id, here_received_on, cast(null as date), -1,
                is_counted_here
            ),
            (coalesce(one_sided, finished_reason), here_place_id, null, here_finished_on, -1, is_counted_here),
            (coalesce(one_sided, received_reason), there_place_id, there_received_on, null, 1, is_counted_there),
            (coalesce(one_sided, finished_reason), there_place_id, null, there_finished_on, 1, is_counted_there)
        ) as side (line, place_id, received_on, finished_on, dossiers, is_counted)
    where is_counted
),

-- Those of one fate together, before each is counted on two days.
alike as (
    select
        line,
        source_id,
        place_id,
        received_on,
        finished_on,
        sum(dossiers) as dossiers
    from event
    group by line, source_id, place_id, received_on, finished_on
),

daily as (
    select
        alike.line,
        alike.source_id,
        alike.place_id,
        happened.day,
        sum(alike.dossiers) filter (where happened.is_receipt) as received,
        sum(alike.dossiers) filter (where not happened.is_receipt) as resolved
    from alike
    cross join lateral (values (alike.received_on, true), (alike.finished_on, false)) as happened (day, is_receipt)
    where happened.day is not null
    group by alike.line, alike.source_id, alike.place_id, happened.day
)

select
    daily.line,
    daily.source_id,
    daily.place_id,
    convention.name as period_convention,
    {{ month_index('daily.day', 'convention.name') | indent }} as month_index,
    cast(coalesce(sum(daily.received), 0) as int) as received,
    cast(coalesce(sum(daily.resolved), 0) as int) as resolved
from daily
cross join (values ('statutory'), ('calendar')) as convention (name)
group by
    daily.line, daily.source_id, daily.place_id, convention.name,
    {{ month_index('daily.day', 'convention.name') | indent }}
having coalesce(sum(daily.received), 0) <> 0 or coalesce(sum(daily.resolved), 0) <> 0
