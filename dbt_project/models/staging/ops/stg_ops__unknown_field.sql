select
    source_id,
    entity,
    field,
    first_batch_id,
    first_seen_at,
    cast(first_seen_at at time zone '{{ var("timezone") }}' as date) as first_seen_on
from {{ source('ops', 'unknown_field') }}
