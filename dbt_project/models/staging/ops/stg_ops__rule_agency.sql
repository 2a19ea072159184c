select
    batch_id,
    rule_id,
    agency_code,
    failed
from {{ source('ops', 'rule_agency') }}
