{{ config(materialized='view') }}

-- Where a dossier comes from: the current copy of every source and code that names it, the one that speaks for it and
-- those that do not. Deleted copies, and dossiers of which no copy speaks, are not listed.
select
    winner.dossier_group,
    winner.dossier_code,
    version.source_id,
    version.dossier_code as copy_code,
    version.is_portal,
    version.file_id,
    version.batch_id,
    version.row_number,
    version.updated_at,
    (version.batch_id, version.row_number) = (winner.batch_id, winner.row_number) as is_winner
from {{ ref('int_dossier__version') }} as version
left join {{ ref('int_dossier__link') }} as link on version.dossier_code = link.dossier_code
inner join {{ ref('int_dossier__winner') }} as winner
    on coalesce(link.dossier_group, version.dossier_code) = winner.dossier_group
where version.is_current and not version.is_deleted
