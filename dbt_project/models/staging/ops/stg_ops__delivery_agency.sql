select
    batch_id,
    value as agency_code,
    records
from {{ source('ops', 'delivery_count') }}
where dimension = 'agency'
