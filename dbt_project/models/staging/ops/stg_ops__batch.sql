select
    batch_id,
    source_id,
    entity,
    origin,
    state,
    received,
    accepted,
    quarantined,
    duplicate,
    refused,
    accepted_at,
    cast(accepted_at at time zone '{{ var("timezone") }}' as date) as day,
    message
from {{ source('ops', 'load_batch') }}
-- A replay of quarantine is no delivery: its rows were counted when they were delivered.
where replays_batch_id is null
