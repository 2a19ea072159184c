select
    batch_id,
    rule_id,
    action,
    checked,
    failed
from {{ source('ops', 'rule_result') }}
