-- The portal's files that hold a rejected row: the one that brought it, and later ones that hold it unchanged.
select
    brought.rejected_id,
    file.file_id
from {{ source('quarantine', 'rejected_row') }} as brought
inner join {{ source('ops', 'portal_file') }} as file on brought.batch_id = file.batch_id and file.twin_of is null
union
select
    rejected_id,
    file_id
from {{ source('quarantine', 'row_sighting') }}
