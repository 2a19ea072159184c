{{ config(tags=['stands']) }}

-- The catalogue's entries as spans that never overlap. valid_from and valid_to are the entry's own days (infinite
-- where open); used_from and used_to stretch them over all days, so that every dossier finds the entry nearest to
-- its receipt.
with

span as (
    {{ disjoint_spans(ref('stg_reference__procedure'), 'procedure_code') | indent }}
)

select
    span.procedure_code,
    span.valid_from,
    span.valid_to,
    {{ stretched_from('span.valid_from', 'span.valid_to', 'life') }} as used_from,
    {{ stretched_to('span.valid_from', 'span.valid_to', 'life') }} as used_to,
    entry.row_number,
    entry.name_vi,
    entry.field_code,
    entry.field_name_vi,
    entry.service_level,
    entry.has_fee,
    entry.processing_days,
    entry.day_kind,
    entry.announced_on,
    entry.published_on,
    entry.is_content_complete
from span
inner join {{ ref('stg_reference__procedure') }} as entry on span.row_number = entry.row_number
window life as (partition by span.procedure_code order by span.valid_from)
