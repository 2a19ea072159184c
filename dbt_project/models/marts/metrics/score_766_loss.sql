{{ config(materialized='view') }}

-- What every dossier cost: the points that a part of the score lost, shared alike among the dossiers that lost them; at
-- the dossier's own unit, and at the province, where it is one of more and so costs less. A part that is full lost
-- nothing. Ask for one period and part at a time.
with

dossier as (
    select
        period.period_id,
        measure.dossier_code,
        measure.place_id,
        lost.part_code
    from {{ ref('int_dossier__measure') }} as measure
    inner join {{ ref('int_period__period') }} as period
        on
            period.period_convention = 'calendar'
            and measure.received_on <= period.period_to
            and (measure.finished_on is null or measure.finished_on >= period.period_from)
    cross join
        lateral (
            select
                measure.received_on >= period.period_from as is_new,
                coalesce(measure.finished_on <= period.period_to, false) as is_resolved
        ) as stand
    cross join
        lateral (
            values
            (
                'progress',
                case
                    when stand.is_resolved then measure.outcome = 'overdue'
                    else
                        measure.due_on < period.period_to
                        and coalesce(measure.suspended_during @> period.period_to, false) is false
                end
            ),
            ('dossier_satisfaction', stand.is_resolved and measure.rating < 4),
            ('payment_dossiers', stand.is_resolved and measure.has_fee_to_pay and not measure.is_paid_online),
            (
                'electronic_result',
                stand.is_resolved and measure.is_resolved_by_result and not measure.has_electronic_result
            ),
            ('digitised_intake', stand.is_new and not measure.has_digitised_papers),
            ('data_reuse', stand.is_new and not measure.reuses_digitised_data),
            ('portal_sync', measure.is_one_stop and not measure.is_synced)
        ) as lost (part_code, is_lost)
    where lost.is_lost
)

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    dossier.dossier_code,
    place.agency_code,
    unit_part.score_code,
    dossier.part_code,
    (unit_part.maximum - unit_part.points) / (unit_part.denominator - unit_part.numerator) as points_lost_by_unit,
    (province_part.maximum - province_part.points) / (province_part.denominator - province_part.numerator)
        as points_lost_by_province
from dossier
inner join {{ ref('int_period__period') }} as period on dossier.period_id = period.period_id
inner join {{ ref('int_agency__place') }} as place on dossier.place_id = place.place_id
inner join {{ ref('int_metric__score_part') }} as unit_part
    on
        dossier.period_id = unit_part.period_id
        and unit_part.org_view = 'as_was'
        and place.chain_as_was[1] = unit_part.agency_code
        and unit_part.field_code = '*'
        and dossier.part_code = unit_part.part_code
        and unit_part.reason is null
inner join {{ ref('int_metric__score_part') }} as province_part
    on
        dossier.period_id = province_part.period_id
        and province_part.org_view = 'as_was'
        and province_part.agency_code = '{{ var("province_code") }}'
        and province_part.field_code = '*'
        and dossier.part_code = province_part.part_code
        and province_part.reason is null
