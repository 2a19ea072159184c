{{ config(indexes=[{'columns': ['procedure_code', 'valid_from'], 'unique': true}]) }}

select
    span.procedure_code,
    span.name_vi as procedure_name_vi,
    span.field_code,
    span.field_name_vi,
    span.service_level,
    span.has_fee,
    span.processing_days,
    span.day_kind,
    span.announced_on,
    span.published_on,
    span.is_content_complete,
    case when span.valid_from > '-infinity' then span.valid_from end as valid_from,
    case when span.valid_to < 'infinity' then span.valid_to end as valid_to,
    moment.known_on between span.used_from and span.used_to as is_latest
from {{ ref('int_procedure__span') }} as span
cross join {{ ref('int_build__moment') }} as moment
