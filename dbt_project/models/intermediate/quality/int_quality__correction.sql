{{ config(materialized='incremental', incremental_strategy='append') }}

-- A correction is a new content under a code that the source delivered before. Only batches not counted yet are
-- looked at, so the table grows with what arrives; it does not depend on the build's moment.
with

fresh as (
    select batch_id
    from {{ ref('stg_ops__delivery') }}
    {% if is_incremental() %}
        where batch_id not in (select counted.batch_id from {{ this }} as counted)
    {% endif %}
),

version as (
    select
        delivered.batch_id,
        delivered.source_id,
        delivered.entity,
        delivered.record_key,
        delivered.content_hash,
        delivered.batch_id in (select fresh.batch_id from fresh) as is_fresh
    from {{ ref('stg_ops__version') }} as delivered
),

arrival as (
    select
        source_id,
        entity,
        record_key,
        content_hash,
        min(batch_id) as batch_id
    from version
    where
        is_fresh
        or (source_id, entity, record_key) in (
            select
                v.source_id,
                v.entity,
                v.record_key
            from version as v
            where v.is_fresh
        )
    group by source_id, entity, record_key, content_hash
),

numbered as (
    select
        batch_id,
        row_number() over (partition by source_id, entity, record_key order by batch_id) as nth
    from arrival
)

select
    fresh.batch_id,
    count(numbered.batch_id) as contents,
    count(*) filter (where numbered.nth > 1) as corrections
from fresh
left join numbered on fresh.batch_id = numbered.batch_id
group by fresh.batch_id
