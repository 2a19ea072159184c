{{ config(materialized='view') }}

-- Pairs with what grows with the days, counted to the build's moment, and the unit that must act today: a night need
-- not write every difference anew because it is a day older, nor a merger because its unit bears another name.
select
    pair.dossier_group,
    pair.dossier_code,
    pair.result,
    pair.is_difference,
    pair.has_status_conflict,
    pair.has_date_conflict,
    pair.has_received_conflict,
    pair.has_appointment_conflict,
    pair.has_finished_conflict,
    pair.has_unit_conflict,
    pair.likely_cause,
    pair.is_pending,
    pair.counterpart_code,
    pair.differs_since,
    case when pair.is_difference then greatest(moment.known_on - pair.differs_since, 0) end as age_days,
    cast(
        round(
            extract(epoch from coalesce(pair.delayed_until, moment.known_at_local) - pair.delayed_from) / 3600, 1
        ) as numeric
    ) as delayed_by_hours,
    pair.synchronised_after_hours,
    pair.procedure_code,
    pair.agency_code,
    place.current_agency_code as responsible_agency_code,
    pair.is_counted_here,
    pair.is_counted_there,
    pair.is_test,
    pair.here_state,
    pair.here_source_id,
    pair.here_code,
    pair.here_status,
    pair.here_received_on,
    pair.here_appointment_on,
    pair.here_finished_on,
    pair.here_agency_code,
    pair.here_updated_at,
    pair.here_since,
    pair.there_source_id,
    pair.there_code,
    pair.there_status,
    pair.there_received_on,
    pair.there_appointment_on,
    pair.there_finished_on,
    pair.there_agency_code,
    pair.there_updated_at,
    pair.there_synchronised_at,
    pair.there_since
from {{ ref('reconciliation_pair') }} as pair
cross join {{ ref('build_moment') }} as moment
left join {{ ref('dim_agency_place') }} as place on pair.place_id = place.place_id
