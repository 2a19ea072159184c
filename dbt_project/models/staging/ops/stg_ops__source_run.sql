select
    run_id,
    source_id,
    at as run_at,
    cast(at at time zone '{{ var("timezone") }}' as date) as day,
    reached as is_reached
from {{ source('ops', 'source_run') }}
