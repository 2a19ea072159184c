-- The files known at the build's moment, and which of them are in force. A name delivered again with other content
-- replaces what it brought before; of names that differ only in _v the highest version replaces the others: rows that
-- it no longer holds are withdrawn. Between files in force the later `to` decides, then the later modification time,
-- then the name: delivery_order goes up in that order.
select
    file.file_id,
    file.source_id,
    file.entity,
    file.file_name,
    file.series,
    file.version,
    file.known_at,
    row_number() over (
        partition by file.source_id, file.series
        order by
            file.is_last_of_name desc,
            file.version desc,
            file.modified_at desc,
            file.file_name desc
    ) = 1 as is_current,
    row_number() over (
        order by file.covers_to, file.modified_at, file.file_name, file.file_id
    ) as delivery_order
from (
    select
        known_file.file_id,
        known_file.source_id,
        known_file.entity,
        known_file.file_name collate "C" as file_name,
        known_file.series,
        known_file.version,
        known_file.covers_to,
        known_file.modified_at,
        known_file.known_at,
        lead(known_file.file_id) over (
            partition by known_file.source_id, known_file.file_name
            order by known_file.file_id
        ) is null as is_last_of_name
    from {{ ref('stg_portal__file') }} as known_file
    cross join {{ ref('int_build__moment') }} as moment
    where known_file.known_at <= moment.known_at
) as file
