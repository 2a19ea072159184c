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

known as (
    select
        copy.dossier_group,
        copy.is_portal,
        version.updated_at,
        version.is_current,
        version.batch_id,
        version.row_number
    from copy
    inner join {{ ref('int_dossier__version') }} as version
        on
            copy.source_id = version.source_id
            and copy.dossier_code = version.dossier_code
            and not version.is_deleted
),

-- What is current is what the pair compares; only what was before it must be read again.
version as (
    select
        known.dossier_group,
        known.is_portal,
        known.updated_at,
        true as is_unchanged,
        {{ compared_values('here') | indent }} = {{ compared_values('there') | indent }} as is_as_there
    from known
    inner join pair on known.dossier_group = pair.dossier_group
    where known.is_current
    union all
    select
        known.dossier_group,
        known.is_portal,
        known.updated_at,
        {{ delivered_values() | indent }}
        = case
            when known.is_portal then {{ compared_values('there') | indent }}
            else {{ compared_values('here') | indent }}
        end as is_unchanged,
        {{ delivered_values() | indent }} = {{ compared_values('there') | indent }} as is_as_there
    from known
    inner join pair on known.dossier_group = pair.dossier_group
    inner join {{ ref('int_dossier__delivered') }} as delivered
        on
            known.batch_id = delivered.batch_id
            and known.row_number = delivered.row_number
    where not known.is_current
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
