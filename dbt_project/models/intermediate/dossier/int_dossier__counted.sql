{{ config(
    materialized='incremental',
    pre_hook=["{{ forget_changed('dossier_code') }}", "{{ join_by_hash() }}"],
    indexes=[
        {'columns': ['dossier_code'], 'unique': true},
        {'columns': ['dossier_group'], 'unique': true},
        {'columns': ['received_on']},
    ],
) }}

-- The dossiers that count (status not 1 or 3, no test), with their dates and states. All comparisons are of dates.
with

counted as (
    select
        version.*,
        winner.dossier_group,
        winner.earliest_shown_appointment_at,
        winner.status_since,
        winner.known_to_portal,
        cast(version.received_at as date) as received_on,
        -- An end date under another status is ignored.
        cast(case when version.status in (7, 9, 10) then version.ended_at end as date) as finished_on,
        cast(
            case
                -- Only on the portal: the appointment shown.
                when version.is_portal then version.shown_appointment_at
                else coalesce(version.first_appointment_at, winner.earliest_shown_appointment_at)
            end as date
        ) as first_appointment_on
    from {{ ref('int_dossier__winner') }} as winner
    inner join {{ ref('int_dossier__delivered') }} as version
        on winner.batch_id = version.batch_id and winner.row_number = version.row_number
    where
        version.status not in (1, 3)
        and not version.is_test
        {%- if follows_change() %}
            and version.dossier_code = {{ changed_codes() }}
            and winner.dossier_group = {{ changed_codes() }}
        {%- endif %}
),

supplement as (
    select
        counted.dossier_code,
        cast({{ local_moment("item.value ->> 'NgayBoSung'") }} as date) as stopped_on,
        cast({{ local_moment("item.value ->> 'NgayTiepNhanBoSung'") }} as date) as resumed_on,
        cast({{ local_moment("item.value ->> 'NgayHenTraMoi'") }} as date) as new_appointment_on
    from counted
    cross join lateral jsonb_array_elements(counted.supplements) as item
    where counted.supplements is not null
),

supplemented as (
    select
        dossier_code,
        max(new_appointment_on) as new_appointment_on,
        range_agg(daterange(stopped_on, resumed_on)) filter (
            where stopped_on is not null and (resumed_on is null or resumed_on > stopped_on)
        ) as stopped_during
    from supplement
    group by dossier_code
),

dated as (
    select
        counted.*,
        greatest(counted.first_appointment_on, supplemented.new_appointment_on) as due_on,
        supplemented.stopped_during,
        case
            when
                counted.status in (6, 8)
                or (counted.status = 5 and coalesce(jsonb_array_length(counted.supplements), 0) = 0)
                then cast(counted.status_since as date)
        end as suspended_by_status_since
    from counted
    left join supplemented on counted.dossier_code = supplemented.dossier_code
)

select
    dated.dossier_code,
    dated.dossier_group,
    dated.source_id,
    dated.batch_id,
    dated.row_number,
    dated.is_portal,
    dated.known_to_portal,
    dated.other_code,
    dated.procedure_code,
    coalesce(dated.field_code, catalogue.field_code, '?') as field_code,
    case when dated.field_code is not null then dated.field_name end as field_name,
    dated.channel,
    dated.service_level,
    catalogue.service_level as catalogue_level,
    dated.submitted_through,
    dated.applicant_kind,
    dated.receiving_agency_code,
    dated.agency_code,
    place.place_id,
    dated.status,
    dated.submitted_at,
    dated.received_at,
    case when dated.finished_on is not null then dated.ended_at end as finished_at,
    dated.returned_at,
    dated.updated_at,
    dated.received_on,
    dated.finished_on,
    dated.first_appointment_on,
    dated.due_on,
    -- Status 7 is on time whatever its dates.
    case
        when dated.finished_on is null then 'in_progress'
        when dated.status = 7 or dated.due_on is null or dated.finished_on = dated.due_on then 'on_time'
        when dated.finished_on < dated.due_on then 'early'
        else 'overdue'
    end as outcome,
    dated.suspended_by_status_since,
    -- The same for supplements alone: of these the working days are taken out of a dossier's time.
    dated.stopped_during,
    -- The days at whose end the dossier is suspended, as far as it is in progress then.
    case
        when dated.suspended_by_status_since is null then dated.stopped_during
        else
            coalesce(dated.stopped_during, datemultirange())
            + datemultirange(daterange(dated.suspended_by_status_since, null))
    end as suspended_during,
    cast(dated.shown_appointment_at as date) as shown_appointment_on,
    -- An apology without a day is none.
    (
        select min(cast({{ local_moment("apology.value ->> 'NgayXinLoi'") }} as date))
        from jsonb_array_elements(dated.apologies) as apology
    ) as apologised_on,
    coalesce((
        select
            bool_or(
                cast(fee.value ->> 'Gia' as numeric) > 0
                and (fee.value ->> 'HinhThucThu') is distinct from 'Đối tượng miễn phí'
            )
        from jsonb_array_elements(dated.fees) as fee
    ), false) as has_fee_to_pay,
    -- What was paid back (Hoàn phí) is no payment.
    coalesce((
        select
            bool_or(
                fee.value ->> 'HinhThucThanhToan' = 'truc-tuyen'
                and fee.value ->> 'TrangThaiThanhToan' = 'Đã thanh toán'
            )
        from jsonb_array_elements(dated.fees) as fee
    ), false) as has_fee_paid_online,
    coalesce(dated.has_digitised_papers, false) as has_digitised_papers,
    coalesce(dated.reuses_digitised_data, false) as reuses_digitised_data,
    coalesce(dated.has_electronic_result, false) as has_electronic_result,
    coalesce(dated.is_identity_verified, false) as is_identity_verified,
    coalesce(dated.has_certified_copy, false) as has_certified_copy,
    dated.rating
from dated
left join {{ ref('int_procedure__span') }} as catalogue
    on
        dated.procedure_code = catalogue.procedure_code
        and dated.received_on between catalogue.used_from and catalogue.used_to
left join {{ ref('int_agency__place') }} as place
    on
        dated.agency_code = place.agency_code
        and dated.received_on between place.received_from and place.received_to
{%- if follows_change() %}
-- After {{ ref('int_question__left') }} has taken over what they were.
{%- endif %}
