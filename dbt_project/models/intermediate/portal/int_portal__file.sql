-- The files known at the build's moment, and which of them are in force. A name delivered again with other content
-- replaces what it brought before; of names that differ only in _v the highest version replaces the others: rows that
-- it no longer holds are withdrawn. Between files in force the later `to` decides, then the later modification time,
-- then the name: delivery_order goes up in that order.
-- A file with the content of an earlier one has no rows of its own: of one series, the earlier one's rows are in force
-- again with it; under another name it is a duplicate delivery, which holds nothing in force.
with

registered as (
    select
        known_file.file_id as registered_id,
        known_file.source_id,
        known_file.entity,
        known_file.file_name collate "C" as file_name,
        known_file.series,
        known_file.version,
        known_file.covers_to,
        known_file.modified_at,
        known_file.known_at,
        coalesce(known_file.twin_of, known_file.file_id) as file_id,
        known_file.twin_of is null or original.series = known_file.series as holds_its_rows,
        lead(known_file.file_id) over (
            partition by known_file.source_id, known_file.file_name
            order by known_file.file_id
        ) is null as is_last_of_name
    from {{ ref('stg_portal__file') }} as known_file
    cross join {{ ref('int_build__moment') }} as moment
    left join {{ ref('stg_portal__file') }} as original on known_file.twin_of = original.file_id
    where known_file.known_at <= moment.known_at
),

ranked as (
    select
        *,
        row_number() over (
            partition by source_id, series
            order by
                is_last_of_name desc,
                version desc,
                modified_at desc,
                file_name desc
        ) = 1 and holds_its_rows as is_current,
        row_number() over (
            order by covers_to, modified_at, file_name, registered_id
        ) as delivery_order
    from registered
)

select distinct on (file_id)
    file_id,
    source_id,
    entity,
    file_name,
    series,
    version,
    known_at,
    is_current,
    delivery_order
from ranked
order by file_id asc, is_current desc, registered_id asc
