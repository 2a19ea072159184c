with

run as (
    select
        done.day,
        done.source_id,
        count(*) as runs,
        count(*) filter (where done.is_reached) as runs_reached
    from {{ ref('stg_ops__source_run') }} as done
    cross join {{ ref('int_build__moment') }} as moment
    where done.run_at <= moment.known_at
    group by done.day, done.source_id
),

delivered as (
    select
        batch.day,
        batch.source_id,
        count(*) as deliveries,
        count(*) filter (where batch.state = 'refused') as deliveries_refused,
        sum(batch.received) as received,
        sum(batch.accepted) as accepted,
        sum(batch.quarantined) as quarantined,
        sum(batch.duplicate) as duplicate,
        sum(batch.refused) as refused,
        sum(correction.corrections) as corrections,
        sum(delivery.timed_records) filter (where delivery.is_regular) as timed_records,
        sum(delivery.delay_seconds) filter (where delivery.is_regular) as delay_seconds,
        max(delivery.delay_seconds_max) filter (where delivery.is_regular) as delay_seconds_max,
        sum(delivery.within_a_day) filter (where delivery.is_regular) as within_a_day
    from {{ ref('int_quality__batch') }} as batch
    left join {{ ref('stg_ops__delivery') }} as delivery on batch.batch_id = delivery.batch_id
    left join {{ ref('int_quality__correction') }} as correction on batch.batch_id = correction.batch_id
    where batch.source_id <> 'reference'
    group by batch.day, batch.source_id
),

drift as (
    select
        unknown.first_seen_on as day,
        unknown.source_id,
        count(*) as new_fields
    from {{ ref('stg_ops__unknown_field') }} as unknown
    inner join {{ ref('int_quality__batch') }} as batch on unknown.first_batch_id = batch.batch_id
    group by unknown.first_seen_on, unknown.source_id
),

day_row as (
    select
        day,
        source_id,
        coalesce(run.runs, 0) as runs,
        coalesce(run.runs_reached, 0) as runs_reached,
        coalesce(delivered.deliveries, 0) as deliveries,
        coalesce(delivered.deliveries_refused, 0) as deliveries_refused,
        coalesce(delivered.received, 0) as received,
        coalesce(delivered.accepted, 0) as accepted,
        coalesce(delivered.quarantined, 0) as quarantined,
        coalesce(delivered.duplicate, 0) as duplicate,
        coalesce(delivered.refused, 0) as refused,
        coalesce(delivered.corrections, 0) as corrections,
        coalesce(delivered.timed_records, 0) as timed_records,
        coalesce(delivered.delay_seconds, 0) as delay_seconds,
        delivered.delay_seconds_max,
        coalesce(delivered.within_a_day, 0) as within_a_day,
        coalesce(drift.new_fields, 0) as new_fields
    from run
    full outer join delivered using (day, source_id)
    full outer join drift using (day, source_id)
),

spans as (
    select
        'day' as span,
        day_row.day as first_day,
        day_row.day as last_day,
        day_row.*
    from day_row
    union all
    select
        'week' as span,
        cast(date_trunc('week', day_row.day) as date) as first_day,
        cast(date_trunc('week', day_row.day) as date) + 6 as last_day,
        day_row.*
    from day_row
)

select
    span,
    first_day,
    last_day,
    source_id,
    cast(sum(runs) as bigint) as runs,
    cast(sum(runs_reached) as bigint) as runs_reached,
    sum(runs_reached) / nullif(sum(runs), 0) as uptime,
    cast(sum(deliveries) as bigint) as deliveries,
    cast(sum(deliveries_refused) as bigint) as deliveries_refused,
    cast(sum(received) as bigint) as received,
    cast(sum(accepted) as bigint) as accepted,
    cast(sum(quarantined) as bigint) as quarantined,
    cast(sum(duplicate) as bigint) as duplicate,
    cast(sum(refused) as bigint) as refused,
    sum(duplicate) / nullif(sum(received), 0) as duplicate_rate,
    sum(quarantined) / nullif(sum(accepted) + sum(quarantined), 0) as quarantine_rate,
    cast(sum(corrections) as bigint) as corrections,
    sum(corrections) / nullif(sum(accepted), 0) as correction_rate,
    cast(sum(timed_records) as bigint) as timed_records,
    sum(delay_seconds) / 3600 / nullif(sum(timed_records), 0) as delay_hours_mean,
    max(delay_seconds_max) / 3600 as delay_hours_max,
    sum(within_a_day) / nullif(sum(timed_records), 0) as within_a_day_rate,
    cast(sum(new_fields) as bigint) as new_fields
from spans
group by span, first_day, last_day, source_id
