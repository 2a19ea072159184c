-- The lowest and highest value of every figure that uncertain dossiers, cases, payments or ratings could move.
-- A count: without those in it that could leave, and with all that could enter. A rate: with all in its denominator
-- that could be there alone (lowest), with all in both that could be there (highest); the others are left out of it.
-- may_be_empty: its denominator could be.
with

cell as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        metric_code,
        max(numerator) as numerator,
        max(denominator) as denominator,
        sum(could_be_for) as could_be_for,
        sum(is_for) as is_for,
        sum(could_be_against) as could_be_against,
        sum(is_against) as is_against,
        sum(any_for) as any_for,
        sum(any_against) as any_against,
        sum(dossiers) as dossiers
    from (
        select
            *,
            0 as any_for,
            0 as any_against
        from {{ ref('int_quarantine__cell') }}
        union all
        select
            *,
            0 as any_for,
            0 as any_against
        from {{ ref('int_quarantine__feedback_cell') }}
        union all
        select
            period_id,
            org_view,
            agency_code,
            field_code,
            metric_code,
            numerator,
            denominator,
            0 as could_be_for,
            0 as is_for,
            0 as could_be_against,
            0 as is_against,
            dossiers,
            could_be_for as any_for,
            could_be_against as any_against
        from {{ ref('int_quarantine__any_cell') }}
    ) as moved
    group by period_id, org_view, agency_code, field_code, metric_code
),

extreme as (
    select
        *,
        numerator - is_for as others,
        denominator - is_for - is_against as others_in_all
    from cell
)

select
    period_id,
    org_view,
    agency_code,
    field_code,
    metric_code,
    false as is_rate,
    numerator as value,
    others as value_lowest,
    others + could_be_for as value_highest,
    false as may_be_empty,
    dossiers
from extreme
where denominator is null
union all
select
    period_id,
    org_view,
    agency_code,
    field_code,
    metric_code,
    true as is_rate,
    numerator / nullif(denominator, 0) as value,
    -- With nothing left in the denominator there is no value: then any one that is for it is all.
    coalesce(
        greatest(others - any_against, 0) / nullif(others_in_all + could_be_against, 0),
        case when any_against > 0 then 0 else 1 end
    ) as value_lowest,
    coalesce(
        least(others + could_be_for + any_for, others_in_all + could_be_for)
        / nullif(others_in_all + could_be_for, 0),
        case when any_for > 0 then 1 else 0 end
    ) as value_highest,
    others_in_all = 0 as may_be_empty,
    dossiers
from extreme
where denominator is not null
{%- for bound in ['mean', 'percentile', 'procedure', 'commune'] %}
    union all
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        metric_code,
        {{ 'false' if bound in ['mean', 'percentile'] else 'true' }} as is_rate,
        value,
        value_lowest,
        value_highest,
        false as may_be_empty,
        dossiers
    from {{ ref('int_quarantine__' ~ bound ~ '_bound') }}
{%- endfor %}
