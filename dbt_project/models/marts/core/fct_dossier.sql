{{ config(
    materialized='incremental',
    on_schema_change='fail',
    pre_hook="{{ forget_changed('dossier_code') }}",
    post_hook=[
        "{{ index_of_some(['agency_code', 'due_on', 'dossier_code'], 'finished_on is null') }}",
        "{{ index_of_some(['due_on', 'dossier_code', 'agency_code', 'is_suspended'], 'finished_on is null') }}",
    ],
    indexes=[
        {'columns': ['dossier_code'], 'unique': true},
        {'columns': ['agency_code', 'received_on']},
        {'columns': ['finished_on']},
    ],
) }}

select
    counted.dossier_code,
    counted.source_id,
    counted.other_code,
    counted.procedure_code,
    counted.field_code,
    counted.receiving_agency_code,
    counted.agency_code,
    counted.place_id,
    counted.channel,
    counted.service_level,
    counted.submitted_through,
    counted.applicant_kind,
    counted.status,
    counted.submitted_at,
    counted.received_at,
    counted.finished_at,
    counted.returned_at,
    counted.updated_at,
    counted.received_on,
    counted.finished_on,
    counted.first_appointment_on,
    counted.due_on,
    counted.outcome,
    counted.due_on is null as is_without_due_date,
    case
        when counted.finished_on is not null then false
        else coalesce(counted.suspended_during @> moment.known_on, false)
    end as is_suspended,
    counted.suspended_by_status_since,
    counted.suspended_during,
    measure.suspended_working_days,
    measure.processing_working_days,
    measure.intake_working_seconds,
    counted.apologised_on,
    measure.has_fee_to_pay,
    measure.is_paid_online,
    measure.rating,
    measure.has_digitised_papers,
    measure.reuses_digitised_data,
    measure.is_identity_verified,
    measure.has_electronic_result,
    measure.has_certified_copy,
    counted.batch_id,
    counted.is_portal as is_portal_only,
    counted.known_to_portal
from {{ ref('int_dossier__counted') }} as counted
inner join {{ ref('int_dossier__measure') }} as measure on counted.dossier_code = measure.dossier_code
cross join {{ ref('int_build__moment') }} as moment
{%- if follows_change() %}
    where counted.dossier_code = {{ changed_codes() }} and measure.dossier_code = {{ changed_codes() }}
{%- endif %}
