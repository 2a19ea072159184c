select
    batch_id,
    is_regular,
    covers_from,
    covers_to,
    records,
    gap_days,
    quiet_days,
    timed_records,
    delay_seconds,
    delay_seconds_max,
    within_a_day
from {{ source('ops', 'delivery') }}
