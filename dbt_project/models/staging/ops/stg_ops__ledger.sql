-- Every batch with the moment from which on it counts, replays of quarantine too.
select
    batch_id,
    accepted_at
from {{ source('ops', 'load_batch') }}
