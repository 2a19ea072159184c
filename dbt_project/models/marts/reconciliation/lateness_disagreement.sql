{{ config(materialized='view') }}

-- What is judged differently, with what grows with the days of a dossier in progress, counted to the build's day, and
-- the unit's successor.
select
    claim.dossier_code,
    claim.claimant,
    claim.claim,
    claim.is_contestable,
    claim.source_id,
    claim.procedure_code,
    claim.agency_code,
    place.current_agency_code as responsible_agency_code,
    claim.status,
    claim.received_on,
    claim.finished_on,
    coalesce(claim.finished_on, moment.known_on) as judged_on,
    claim.due_on,
    case when claim.is_contestable then coalesce(claim.finished_on, moment.known_on) - claim.due_on end as days_late,
    claim.claimed_due_on,
    coalesce(claim.claimed_finished_on, moment.known_on) as claimed_finished_on,
    case
        when not claim.is_contestable
            then coalesce(claim.claimed_finished_on, moment.known_on) - claim.claimed_due_on
    end as claimed_days_late,
    claim.first_appointment_on,
    claim.portal_status,
    claim.processing_days,
    claim.day_kind,
    claim.suspended_working_days,
    claim.suspended_days
from {{ ref('lateness_claim') }} as claim
cross join {{ ref('build_moment') }} as moment
left join {{ ref('dim_agency_place') }} as place on claim.place_id = place.place_id
