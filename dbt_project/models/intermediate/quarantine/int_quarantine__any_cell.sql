-- Payments, ratings and rows of the portal whose dossier nobody can tell: each could be about any dossier, and so moves
-- its metric at every unit, for all fields together.
with

anyones as (
    select
        entity,
        count(*) filter (where may_be_for) as could_be_for,
        count(*) filter (where may_be_against) as could_be_against,
        count(*) as dossiers
    from {{ ref('int_quarantine__witness') }}
    where is_about_any
    group by entity
)

select
    cell.period_id,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(figure.denominator as numeric) as denominator,
    anyones.could_be_for,
    case when figure.metric_code <> 'portal_sync_rate' then anyones.could_be_against else 0 end as could_be_against,
    anyones.dossiers
from anyones
inner join {{ ref('int_metric__unit_cell') }} as cell on cell.field_code = '*'
cross join
    lateral (
        values
        {{ dossier_metric_values('dossier') | indent(8) }},
        {{ dossier_metric_values('portal') | indent(8) }}
    ) as figure (metric_code, numerator, denominator)
where
    (
        (anyones.entity = 'payment' and figure.metric_code = 'online_payment_rate' and figure.denominator > 0)
        or (
            anyones.entity = 'rating' and figure.metric_code = 'dossier_satisfaction_rate' and cell.resolved_total > 0
        )
        or (
            anyones.entity = 'dossier'
            and figure.metric_code in ('portal_sync_rate', 'portal_agreement_rate')
            and cell.new_one_stop + cell.carried_one_stop > 0
        )
    )
    and exists (
        select 1
        from {{ ref('int_quarantine__witness') }}
        where is_about_any
    )
