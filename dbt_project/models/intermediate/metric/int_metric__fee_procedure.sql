-- Procedures with a fee in the catalogue on the period's last day; those of them that had a dossier in the period (new,
-- or carried over into it); those with a dossier that was resolved in it with a fee to pay and paid online. For the
-- calendar's periods and the province alone: B and C of the payment's score.
with

handled as (
    select
        period.period_id,
        life.procedure_code,
        coalesce(bool_or(life.paid_dossiers > 0 and life.finished_month <= period.last_month), false)
            as has_online_payment
    from {{ ref('int_period__period') }} as period
    inner join {{ ref('int_metric__procedure_life') }} as life
        on
            period.last_month >= life.received_month
            and period.first_month <= life.finished_month
    where period.period_convention = 'calendar'
    group by period.period_id, life.procedure_code
)

select
    period.period_id,
    count(*) as with_fee,
    count(handled.procedure_code) as used,
    count(*) filter (where handled.has_online_payment) as paid_online
from {{ ref('int_period__period') }} as period
inner join {{ ref('int_procedure__span') }} as span
    on
        period.period_to between span.valid_from and span.valid_to
        and span.has_fee
left join handled
    on
        period.period_id = handled.period_id
        and span.procedure_code = handled.procedure_code
where period.period_convention = 'calendar'
group by period.period_id
