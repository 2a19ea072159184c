{{ config(indexes=[{'columns': ['day', 'source_id']}]) }}

with

whole as (
    select
        batch.day,
        batch.source_id,
        batch.entity,
        result.rule_id,
        min(result.action) as action,
        sum(result.checked) as checked,
        sum(result.failed) as failed
    from {{ ref('stg_ops__rule_result') }} as result
    inner join {{ ref('int_quality__batch') }} as batch on result.batch_id = batch.batch_id
    group by batch.day, batch.source_id, batch.entity, result.rule_id
),

unit_records as (
    select
        batch.day,
        batch.source_id,
        batch.entity,
        unit.agency_code,
        sum(unit.records) as records
    from {{ ref('stg_ops__delivery_agency') }} as unit
    inner join {{ ref('int_quality__batch') }} as batch on unit.batch_id = batch.batch_id
    group by batch.day, batch.source_id, batch.entity, unit.agency_code
),

unit_failed as (
    select
        batch.day,
        batch.source_id,
        batch.entity,
        unit.agency_code,
        unit.rule_id,
        sum(unit.failed) as failed
    from {{ ref('stg_ops__rule_agency') }} as unit
    inner join {{ ref('int_quality__batch') }} as batch on unit.batch_id = batch.batch_id
    group by batch.day, batch.source_id, batch.entity, unit.agency_code, unit.rule_id
)

select
    day,
    source_id,
    entity,
    '*' as agency_code,
    rule_id,
    action,
    cast(checked as bigint) as checked,
    cast(failed as bigint) as failed
from whole
union all
select
    failing.day,
    failing.source_id,
    failing.entity,
    failing.agency_code,
    failing.rule_id,
    whole.action,
    cast(greatest(failing.failed, coalesce(unit_records.records, 0)) as bigint) as checked,
    cast(failing.failed as bigint) as failed
from unit_failed as failing
inner join whole
    on
        failing.day = whole.day
        and failing.source_id = whole.source_id
        and failing.entity = whole.entity
        and failing.rule_id = whole.rule_id
left join unit_records
    on
        failing.day = unit_records.day
        and failing.source_id = unit_records.source_id
        and failing.entity = unit_records.entity
        and failing.agency_code = unit_records.agency_code
