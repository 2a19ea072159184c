-- The dossiers that open rejected rows leave uncertain: what is known of each, and which counted dossier it may change.
-- Several rows of one dossier are one uncertain dossier, its latest row speaks. A row that could not speak for its
-- dossier even if it were accepted is left out: an older version than the one that counts, a portal row beside a
-- one-stop copy, a row of a file that another replaced.
with

grouped as (
    select
        rejected.*,
        origin.source_kind = 'portal_export' as is_portal,
        coalesce(own.dossier_group, other.dossier_group, rejected.record_code) as dossier_group
    from {{ ref('int_quarantine__open') }} as rejected
    inner join {{ ref('stg_platform__source') }} as origin on rejected.source_id = origin.source_id
    left join {{ ref('int_dossier__link') }} as own on rejected.record_code = own.dossier_code
    left join {{ ref('int_dossier__link') }} as other on rejected.other_code = other.dossier_code
    where rejected.entity = 'dossier' and not rejected.is_deleted
),

-- The codes of these dossiers.
code as (
    select
        dossier_group,
        dossier_group as dossier_code
    from grouped
    where dossier_group is not null
    union
    select
        grouped.dossier_group,
        link.dossier_code
    from grouped
    inner join {{ ref('int_dossier__link') }} as link on grouped.dossier_group = link.dossier_group
),

copy as (
    select
        code.dossier_group,
        bool_or(not version.is_portal) as has_one_stop_copy
    from code
    inner join {{ ref('int_dossier__version') }} as version on code.dossier_code = version.dossier_code
    -- Looked up by code: these are few of all versions.
    where version.is_current and version.dossier_code = any(array(select rejected.dossier_code from code as rejected))
    group by code.dossier_group
),

in_force as (
    select distinct held.rejected_id
    from {{ ref('stg_quarantine__file') }} as held
    inner join {{ ref('int_portal__file') }} as file on held.file_id = file.file_id and file.is_current
),

speaking as (
    select distinct on (coalesce(grouped.dossier_group, 'row ' || grouped.rejected_id))
        coalesce(grouped.dossier_group, 'row ' || grouped.rejected_id) as dossier_key,
        grouped.*,
        winner.dossier_code as winner_code
    from grouped
    left join {{ ref('int_dossier__winner') }} as winner on grouped.dossier_group = winner.dossier_group
    left join copy on grouped.dossier_group = copy.dossier_group
    left join {{ ref('int_dossier__version') }} as own_copy
        on
            grouped.source_id = own_copy.source_id
            and grouped.record_code = own_copy.dossier_code
            and own_copy.is_current
    where
        case
            when not grouped.is_portal then coalesce(winner.is_portal or grouped.updated_at >= winner.updated_at, true)
            when grouped.rejected_id in (select rejected_id from in_force) then copy.has_one_stop_copy is not true
            else false
        end
        and coalesce(grouped.updated_at >= own_copy.updated_at, true)
    order by
        coalesce(grouped.dossier_group, 'row ' || grouped.rejected_id) asc,
        grouped.is_portal asc,
        grouped.updated_at desc nulls first,
        grouped.rejected_id desc
),

bounded as (
    select
        speaking.*,
        counted.dossier_code as counted_code,
        not speaking.is_test and coalesce(speaking.status not in (1, 3), true) as may_count,
        coalesce(speaking.status in (7, 9, 10), true) as may_be_finished,
        coalesce(speaking.status not in (7, 9, 10), true) as may_be_open,
        least(cast(speaking.updated_at as date), moment.known_on) as last_on
    from speaking
    cross join {{ ref('int_build__moment') }} as moment
    left join {{ ref('int_dossier__counted') }} as counted on speaking.winner_code = counted.dossier_code
)

select
    dossier_key,
    rejected_id,
    source_id,
    is_portal,
    agency_code,
    procedure_code,
    field_code,
    counted_code,
    may_count,
    may_be_finished,
    may_be_open,
    coalesce(status = 7, false) as is_withdrawn,
    channel,
    coalesce(received_on, '-infinity') as received_first,
    coalesce(received_on, least(ended_on, last_on)) as received_last,
    coalesce(ended_on, received_on, '-infinity') as finished_first,
    coalesce(ended_on, last_on) as finished_last
from bounded
where may_count or counted_code is not null
