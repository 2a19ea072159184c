-- What became of rejected rows, in the order in which it was written down.
select
    event_id,
    rejected_id,
    status_after,
    happened_at
from {{ source('quarantine', 'row_event') }}
