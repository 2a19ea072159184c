-- Only what was known at the build's moment: a build of the past shows the quality of the past.
select
    batch.batch_id,
    batch.source_id,
    batch.entity,
    batch.state,
    batch.received,
    batch.accepted,
    batch.quarantined,
    batch.duplicate,
    batch.refused,
    batch.day
from {{ ref('stg_ops__batch') }} as batch
cross join {{ ref('int_build__moment') }} as moment
where batch.accepted_at <= moment.known_at
