select
    batch_id,
    rule_id,
    state,
    nullif(subject, '') as subject,
    found,
    usual,
    reason
from {{ source('ops', 'delivery_check') }}
