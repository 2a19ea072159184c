-- What every dossier cost: the points that a part of the score lost, shared alike among the dossiers that lost them; at
-- the dossier's own unit, and at the province, where it is one of more and so costs less. A part that is full lost
-- nothing. Ask for one period and part at a time. It reads marts alone and asks with the reader's own rights.
{{ config(materialized='view') }}

with

dossier as (
    select
        period.period_convention,
        period.period,
        period.period_from,
        period.period_to,
        dossier.dossier_code,
        dossier.agency_code,
        lost.part_code
    from {{ ref('fct_dossier') }} as dossier
    inner join {{ ref('dim_period') }} as period
        on
            period.period_convention = 'calendar'
            and dossier.received_on <= period.period_to
            and (dossier.finished_on is null or dossier.finished_on >= period.period_from)
    cross join
        lateral (
            select
                dossier.received_on >= period.period_from as is_new,
                coalesce(dossier.finished_on <= period.period_to, false) as is_resolved
        ) as stand
    cross join
        lateral (
            values
            (
                'progress',
                case
                    when stand.is_resolved then dossier.outcome = 'overdue'
                    else
                        dossier.due_on < period.period_to
                        and not coalesce(dossier.suspended_during @> period.period_to, false)
                end
            ),
            ('dossier_satisfaction', stand.is_resolved and dossier.rating < 4),
            ('payment_dossiers', stand.is_resolved and dossier.has_fee_to_pay and not dossier.is_paid_online),
            (
                'electronic_result',
                stand.is_resolved and dossier.status in (9, 10) and not dossier.has_electronic_result
            ),
            ('digitised_intake', stand.is_new and not dossier.has_digitised_papers),
            ('data_reuse', stand.is_new and not dossier.reuses_digitised_data),
            ('portal_sync', not dossier.is_portal_only and not dossier.known_to_portal)
        ) as lost (part_code, is_lost)
    where lost.is_lost
),

part as (
    select
        period_convention,
        period,
        agency_code,
        score_code,
        part_code,
        (maximum - points) / nullif(denominator - numerator, 0) as points_per_dossier
    from {{ ref('score_766_part') }}
    where org_view = 'as_was' and field_code = '*' and points is not null
)

select
    dossier.period_convention,
    dossier.period,
    dossier.period_from,
    dossier.period_to,
    dossier.dossier_code,
    dossier.agency_code,
    at_unit.score_code,
    dossier.part_code,
    at_unit.points_per_dossier as points_lost_by_unit,
    at_province.points_per_dossier as points_lost_by_province
from dossier
inner join part as at_unit
    on
        dossier.period_convention = at_unit.period_convention
        and dossier.period = at_unit.period
        and dossier.agency_code = at_unit.agency_code
        and dossier.part_code = at_unit.part_code
left join part as at_province
    on
        dossier.period_convention = at_province.period_convention
        and dossier.period = at_province.period
        and at_province.agency_code = '{{ var("province_code") }}'
        and dossier.part_code = at_province.part_code
