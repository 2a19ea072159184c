-- Of the dossiers on the portal that differ: since when each side says what it says now (the first version of the unbroken
-- run with the values compared), and the newest earlier version here that said what the portal still says.
with

pair as (
    select *
    from {{ ref('int_reconciliation__pair') }}
    where there_code is not null and result <> 'matched'
),

copy as (
    select
        pair.dossier_group,
        side.is_portal,
        side.source_id,
        side.dossier_code
    from pair
    cross join
        lateral (
            values
            (false, pair.here_source_id, pair.here_code),
            (true, pair.there_source_id, pair.there_code)
        ) as side (is_portal, source_id, dossier_code)
    where side.dossier_code is not null
),

version as (
    select
        copy.dossier_group,
        copy.is_portal,
        known.updated_at,
        case when copy.is_portal then {{ delivered_values() }} is not distinct from {{ compared_values('there') }}
        else {{ delivered_values() }} is not distinct from {{ compared_values('here') }} end as is_unchanged,
        {{ delivered_values() }} is not distinct from {{ compared_values('there') }} as is_as_there
    from copy
    inner join {{ ref('int_dossier__version') }} as known
        on
            copy.source_id = known.source_id
            and copy.dossier_code = known.dossier_code
            and not known.is_deleted
    inner join {{ ref('int_dossier__delivered') }} as delivered
        on
            known.batch_id = delivered.batch_id
            and known.row_number = delivered.row_number
    inner join pair on copy.dossier_group = pair.dossier_group
),

run as (
    select
        *,
        max(case when not is_unchanged then updated_at end) over (
            partition by dossier_group, is_portal
        ) as last_other_at
    from version
)

select
    dossier_group,
    min(updated_at) filter (
        where not is_portal and (last_other_at is null or updated_at > last_other_at)
    ) as here_since,
    min(updated_at) filter (where is_portal and (last_other_at is null or updated_at > last_other_at)) as there_since,
    max(updated_at) filter (where not is_portal and is_as_there) as here_said_so_at
from run
group by dossier_group
