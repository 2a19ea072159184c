-- The files known at the build's moment, and which of them are in force. A name delivered again with other content
-- replaces what it brought before; of names that differ only in _v the highest version replaces the others: rows that
-- it no longer holds are withdrawn. Between files in force the later `to` decides, then the later modification time,
-- then the name: delivery_order goes up in that order.
-- A file with the content of an earlier one has no rows of its own: of one series, the earlier one's rows are in force
-- again with it; under another name it is a duplicate delivery, which holds nothing in force.
-- changed_in: the build that found the file standing otherwise than the build before (its standing: whether it is in
-- force, and all that its order comes from).
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

select distinct on (ranked.file_id)
    ranked.file_id,
    ranked.source_id,
    ranked.entity,
    ranked.file_name,
    ranked.series,
    ranked.version,
    ranked.known_at,
    ranked.is_current,
    ranked.delivery_order,
    standing.standing,
    {% if follows_change() -%}
        case when before.standing = standing.standing then before.changed_in else moment.build_number end as changed_in
    {%- else -%}
        moment.build_number as changed_in
    {%- endif %}
from ranked
cross join {{ ref('int_build__moment') }} as moment
cross join
    lateral (
        select
            concat_ws(
                '|', ranked.is_current, ranked.covers_to, extract(epoch from ranked.modified_at), ranked.file_name,
                ranked.registered_id, extract(epoch from ranked.known_at)
            ) as standing
    ) as standing
{%- if follows_change() %}
    left join {{ this }} as before on ranked.file_id = before.file_id
{%- endif %}
order by ranked.file_id asc, ranked.is_current desc, ranked.registered_id asc
