{{ config(materialized='view') }}

-- What the metrics ask of every dossier that counts: its dates and states, its working time, and what the portal's
-- files say of it under any of its codes. is_agreeing and has_one_end compare the two systems: the same day of receipt
-- and the same appointment as shown (none on both sides is the same); the same end.
select
    counted.dossier_code,
    counted.place_id,
    counted.agency_code,
    counted.field_code,
    counted.procedure_code,
    counted.catalogue_level,
    counted.channel,
    counted.status,
    counted.outcome,
    counted.received_on,
    counted.finished_on,
    counted.due_on,
    counted.suspended_during,
    counted.apologised_on,
    counted.due_on is null as is_without_due_date,
    counted.finished_on is not null and counted.status in (9, 10) as is_resolved_by_result,
    working_time.suspended_working_days,
    working_time.processing_working_days,
    working_time.is_official,
    counted.submitted_at is not null as is_submission_known,
    working_time.intake_working_seconds,
    -- 8 hours sharp are within 8 hours.
    coalesce(working_time.intake_working_seconds <= 8 * 3600, false) as is_received_in_8h,
    working_time.is_intake_official,
    coalesce(counted.service_level = '4', false) as is_full_service,
    counted.has_digitised_papers,
    counted.reuses_digitised_data,
    counted.is_identity_verified,
    counted.has_electronic_result,
    counted.has_certified_copy,
    counted.has_fee_to_pay,
    counted.has_fee_paid_online
    or exists (
        select 1
        from {{ ref('int_portal__payment') }} as payment
        where payment.dossier_group = counted.dossier_group and payment.is_paid_online
    ) as is_paid_online,
    coalesce(counted.rating, rating.score) as rating,
    not counted.is_portal as is_one_stop,
    not counted.is_portal and counted.known_to_portal as is_synced,
    coalesce(
        not counted.is_portal
        and counted.received_on = pair.there_received_on
        and counted.shown_appointment_on is not distinct from pair.there_appointment_on,
        false
    ) as is_agreeing,
    (counted.finished_on is not distinct from pair.there_finished_on) as has_one_end,
    pair.there_finished_on as portal_finished_on
from {{ ref('int_dossier__counted') }} as counted
inner join {{ ref('int_dossier__working_time') }} as working_time on counted.dossier_code = working_time.dossier_code
left join {{ ref('int_reconciliation__pair') }} as pair on counted.dossier_group = pair.dossier_group
left join {{ ref('int_portal__rating') }} as rating on counted.dossier_group = rating.dossier_group and rating.is_latest
