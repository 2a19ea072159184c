-- The sources in the order of province.yml; one that was taken out of the file comes after all that stand in it.
select
    source_id,
    kind as source_kind,
    row_number() over (order by removed_at nulls first, position, source_id) as source_position,
    removed_at is null as is_listed
from {{ source('ops', 'source') }}
