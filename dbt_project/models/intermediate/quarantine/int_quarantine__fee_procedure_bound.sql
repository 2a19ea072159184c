-- Procedures with a fee that were used, and paid online (B and C of the payment's score; calendar, the province alone):
-- lowest without the dossiers that are uncertain, highest with all of them. One whose procedure nobody knows brings a
-- procedure more.
with

dossier as (
    select
        possible.period_id,
        uncertain.procedure_code,
        uncertain.procedure_code is null as is_of_any,
        possible.could_for & {{ bits_of(['received_total']) }} > 0 as may_be_used,
        possible.could_for & {{ bits_of(['online_payment_rate']) }} > 0 as may_be_paid,
        0 as used_now,
        0 as paid_now
    from {{ ref('int_quarantine__possible') }} as possible
    inner join {{ ref('int_quarantine__uncertain') }} as uncertain on possible.dossier_key = uncertain.dossier_key
    where possible.could_for > 0
    union all
    -- Of one with a row of its own all that it is; else the payment is uncertain.
    select
        period_id,
        procedure_now as procedure_code,
        false as is_of_any,
        false as may_be_used,
        stays_for & {{ bits_of(['online_payment_rate']) }} > 0 as may_be_paid,
        case when is_for & {{ bits_of(['received_total']) }} > 0 then 1 else 0 end as used_now,
        case when is_for & {{ bits_of(['online_payment_rate']) }} > 0 then 1 else 0 end as paid_now
    from {{ ref('int_quarantine__possible') }}
    where procedure_now is not null
    union all
    -- A payment of nobody knows which dossier.
    select
        period.period_id,
        null as procedure_code,
        true as is_of_any,
        false as may_be_used,
        true as may_be_paid,
        0 as used_now,
        0 as paid_now
    from {{ ref('int_quarantine__witness') }} as witness
    cross join {{ ref('int_period__period') }} as period
    where witness.is_about_any and witness.entity = 'payment' and witness.may_be_for
),

touched as (
    select
        dossier.period_id,
        dossier.procedure_code,
        bool_or(dossier.may_be_used) as may_be_used,
        bool_or(dossier.may_be_paid) as may_be_paid,
        sum(dossier.used_now) as used_now,
        sum(dossier.paid_now) as paid_now
    from dossier
    where not dossier.is_of_any
    group by dossier.period_id, dossier.procedure_code
),

life as (
    select
        touched.period_id,
        touched.procedure_code,
        sum(life.dossiers) as dossiers,
        sum(life.paid_dossiers) filter (where life.finished_month <= period.last_month) as paid_dossiers
    from touched
    inner join {{ ref('int_period__period') }} as period on touched.period_id = period.period_id
    inner join {{ ref('int_metric__procedure_life') }} as life
        on
            touched.procedure_code = life.procedure_code
            and period.last_month >= life.received_month
            and period.first_month <= life.finished_month
    group by touched.period_id, touched.procedure_code
),

procedure as (
    select
        touched.period_id,
        coalesce(life.dossiers, 0) > 0 as is_used,
        coalesce(life.dossiers, 0) > touched.used_now as is_used_anyway,
        coalesce(life.dossiers, 0) > 0 or touched.may_be_used as may_be_used,
        coalesce(life.paid_dossiers, 0) > 0 as is_paid,
        coalesce(life.paid_dossiers, 0) > touched.paid_now as is_paid_anyway,
        coalesce(life.paid_dossiers, 0) > 0 or touched.may_be_paid as may_be_paid
    from touched
    inner join {{ ref('int_period__period') }} as period on touched.period_id = period.period_id
    inner join {{ ref('int_procedure__span') }} as span
        on
            touched.procedure_code = span.procedure_code
            and span.has_fee
            and period.period_to between span.valid_from and span.valid_to
    left join life
        on touched.period_id = life.period_id and touched.procedure_code = life.procedure_code
),

moved as (
    select
        period_id,
        count(*) filter (where is_used and not is_used_anyway) as used_fewer,
        count(*) filter (where may_be_used and not is_used) as used_more,
        count(*) filter (where is_paid and not is_paid_anyway) as paid_fewer,
        count(*) filter (where may_be_paid and not is_paid) as paid_more
    from procedure
    group by period_id
),

of_any as (
    select
        period_id,
        count(*) filter (where may_be_used) as used_more,
        count(*) filter (where may_be_paid) as paid_more
    from dossier
    where is_of_any
    group by period_id
)

select
    figure.period_id,
    org_view,
    '{{ var("province_code") }}' as agency_code,
    '*' as field_code,
    part.metric_code,
    cast(part.value as numeric) / figure.with_fee as value,
    cast(part.value - part.fewer as numeric) / figure.with_fee as value_lowest,
    cast(least(figure.with_fee, part.value + part.more) as numeric) / figure.with_fee as value_highest,
    part.fewer + part.more as dossiers
from {{ ref('int_metric__fee_procedure') }} as figure
left join moved on figure.period_id = moved.period_id
left join of_any on figure.period_id = of_any.period_id
cross join (values ('as_was'), ('as_is')) as view (org_view)
cross join
    lateral (
        values
        (
            'fee_procedures_paid_online',
            figure.paid_online,
            coalesce(moved.paid_fewer, 0),
            coalesce(moved.paid_more, 0) + coalesce(of_any.paid_more, 0)
        ),
        (
            'fee_procedures_used',
            figure.used,
            coalesce(moved.used_fewer, 0),
            coalesce(moved.used_more, 0) + coalesce(of_any.used_more, 0)
        )
    ) as part (metric_code, value, fewer, more)
where figure.with_fee > 0 and part.fewer + part.more > 0
