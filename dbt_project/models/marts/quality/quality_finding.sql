select
    batch.day,
    batch.source_id,
    batch.entity,
    checked.batch_id,
    checked.rule_id,
    checked.state,
    checked.subject,
    checked.found,
    checked.usual,
    checked.reason
from {{ ref('stg_ops__delivery_check') }} as checked
inner join {{ ref('int_quality__batch') }} as batch on checked.batch_id = batch.batch_id
