-- The figures of feedback cases, for all fields together. As for dossiers: what a period shows is judged by the current
-- version's dates, the state is that of the period's own last day; units by the day of receipt.
with

{{ feedback_shown() }},

cell as (
    select
        period_id,
        chain_as_was,
        chain_as_is,
        {{ feedback_measures_counted() | indent(8) }}
    from shown
    group by period_id, chain_as_was, chain_as_is
),

unit as (
    select
        cell.period_id,
        view.org_view,
        view.agency_code,
        {{ feedback_measures_summed() | indent(8) }}
    from cell
    cross join
        lateral (
            select
                'as_was' as org_view,
                agency_code
            from unnest(cell.chain_as_was) as agency_code
            union all
            select
                'as_is' as org_view,
                agency_code
            from unnest(cell.chain_as_is) as agency_code
        ) as view
    group by cell.period_id, view.org_view, view.agency_code
)

select
    unit.period_id,
    unit.org_view,
    unit.agency_code,
    '*' as field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(figure.denominator as numeric) as denominator
from unit
cross join
    lateral (
        values
        {{ feedback_metric_values('unit') | indent(8) }}
    ) as figure (metric_code, numerator, denominator)
where figure.numerator <> 0 or figure.denominator <> 0
