-- The dossiers of the province's newest calendar quarter cost together what each part of its scores lost. B and C of the
-- payment and what is published are lost by procedures, the feedback's points by cases.
with

quarter as (
    select max(period_from) as period_from
    from {{ ref('dim_period') }}
    where period_convention = 'calendar' and period_kind = 'quarter'
),

loss as (
    select
        loss.part_code,
        count(*) as dossiers,
        sum(loss.points_lost_by_province) as points
    from {{ ref('score_766_loss') }} as loss
    inner join {{ ref('dim_period') }} as period
        on
            loss.period_convention = period.period_convention
            and loss.period = period.period
    inner join quarter on period.period_from = quarter.period_from
    where period.period_kind = 'quarter'
    group by loss.part_code
),

part as (
    select
        part.part_code,
        part.denominator - part.numerator as dossiers,
        part.maximum - part.points as points
    from {{ ref('score_766_part') }} as part
    inner join {{ ref('dim_period') }} as period
        on
            part.period_convention = period.period_convention
            and part.period = period.period
    inner join quarter on period.period_from = quarter.period_from
    where
        period.period_kind = 'quarter'
        and part.org_view = 'as_was'
        and part.agency_code = '{{ var("province_code") }}'
        and part.field_code = '*'
        and part.denominator > part.numerator
        and part.part_code in (
            'progress', 'dossier_satisfaction', 'payment_dossiers', 'electronic_result', 'digitised_intake', 'data_reuse',
            'portal_sync'
        )
)

select
    part_code,
    loss.points as lost_by_dossiers,
    part.points as lost_by_part
from loss
full join part using (part_code)
where
    loss.dossiers is distinct from part.dossiers
    or abs(loss.points - part.points) > 0.000001
