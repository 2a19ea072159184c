-- One row per accepted file. Which of them are in force depends on the build's moment: see int_portal__file.
select
    portal_file.file_id,
    portal_file.source_id,
    portal_file.batch_id,
    portal_file.entity,
    portal_file.name as file_name,
    portal_file.series,
    portal_file.version,
    portal_file.covers_from,
    portal_file.covers_to,
    portal_file.modified_at,
    portal_file.twin_of,
    -- All rows of a file carry one NgayCapNhat, the end of its last day, so that a file is known as a whole.
    {{ known_from("(portal_file.covers_to + time '23:59:59')") }} as known_at
from {{ source('ops', 'portal_file') }} as portal_file
inner join {{ source('ops', 'load_batch') }} as batch on portal_file.batch_id = batch.batch_id
