-- One row per dossier: the copy that speaks for it. A system's copy is its current version, unless that is a delete.
-- Among the copies the latest NgayCapNhat wins, then the source listed first, then the later in the delivery.
-- A source that is no longer in province.yml speaks only for dossiers of which no listed source ever had a copy: under
-- its new name, or from its successor, a dossier that was deleted there would otherwise rise again.
-- A dossier of which no copy is left has no row.
with

copy as (
    select
        version.*,
        coalesce(link.dossier_group, version.dossier_code) as dossier_group,
        origin.source_position,
        coalesce(origin.is_listed, false) as is_listed,
        bool_or(coalesce(origin.is_listed, false)) over (
            partition by coalesce(link.dossier_group, version.dossier_code)
        ) as has_listed_copy
    from {{ ref('int_dossier__version') }} as version
    left join {{ ref('int_dossier__link') }} as link on version.dossier_code = link.dossier_code
    left join {{ ref('stg_platform__source') }} as origin on version.source_id = origin.source_id
    where version.is_current
)

select distinct on (dossier_group)
    dossier_group,
    source_id,
    dossier_code,
    batch_id,
    row_number,
    updated_at,
    earliest_shown_appointment_at,
    status_since
from copy
where not is_deleted and (is_listed or not has_listed_copy)
order by
    dossier_group asc,
    updated_at desc,
    source_position asc,
    batch_id desc,
    row_number desc
