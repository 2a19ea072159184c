{{ config(indexes=[
    {'columns': ['case_code'], 'unique': true},
    {'columns': ['agency_code', 'received_on']},
]) }}

select
    case_code,
    source_id,
    first_case_code,
    channel,
    procedure_code,
    agency_code,
    content_kind,
    is_competent,
    status,
    satisfaction,
    is_counted,
    received_on,
    answered_on,
    due_on,
    published_on,
    complained_again_on,
    updated_at,
    batch_id
from {{ ref('int_feedback__case') }}
