-- One row per dossier: the copy that speaks for it. A system's copy is its current version, unless that is a delete.
-- Among the copies the latest NgayCapNhat wins, then the source listed first, then the later in the delivery.
-- A dossier of which no copy is left has no row.
select distinct on (coalesce(link.dossier_group, version.dossier_code))
    coalesce(link.dossier_group, version.dossier_code) as dossier_group,
    version.source_id,
    version.dossier_code,
    version.batch_id,
    version.row_number,
    version.updated_at,
    version.earliest_shown_appointment_at,
    version.status_since
from {{ ref('int_dossier__version') }} as version
left join {{ ref('int_dossier__link') }} as link on version.dossier_code = link.dossier_code
left join {{ ref('stg_platform__source') }} as origin on version.source_id = origin.source_id
where version.is_current and not version.is_deleted
order by
    coalesce(link.dossier_group, version.dossier_code) asc,
    version.updated_at desc,
    origin.source_position asc,
    version.batch_id desc,
    version.row_number desc
