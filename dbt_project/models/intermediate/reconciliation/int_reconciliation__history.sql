-- Of the dossiers on the portal that differ: since when each side says what it says now (the first version of the
-- unbroken run with the values compared), and the newest earlier version here that said what the portal still says.
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

compared as (
    select
        copy.dossier_group,
        copy.is_portal,
        known.updated_at,
        {{ delivered_values() | indent }} as delivered_values,
        {{ compared_values('here') | indent }} as here_values,
        {{ compared_values('there') | indent }} as there_values
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

version as (
    select
        dossier_group,
        is_portal,
        updated_at,
        case when is_portal then delivered_values = there_values else delivered_values = here_values end
            as is_unchanged,
        delivered_values = there_values as is_as_there
    from compared
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
