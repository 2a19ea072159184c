-- The lowest and highest value of every figure that uncertain dossiers, cases, payments or ratings could move.
-- A count: without those in it that could leave, and with all that could enter. A rate: with all in its denominator
-- that could be there alone (lowest), with all in both that could be there (highest); the others are left out of it.
-- may_be_empty: its denominator could be.
with

counted as not materialized (
    select
        *,
        0 as any_for,
        0 as any_against
    from {{ ref('int_quarantine__cell') }}
    union all
    select
        feedback.*,
        0 as any_for,
        0 as any_against
    from {{ ref('int_quarantine__feedback_cell') }} as feedback
    {{ of_moved_cells('int_quarantine__moved', 'feedback') }}
    union all
    select
        anyones.period_id,
        anyones.org_view,
        anyones.agency_code,
        anyones.field_code,
        anyones.metric_code,
        anyones.numerator,
        anyones.denominator,
        0 as could_be_for,
        0 as is_for,
        0 as could_be_against,
        0 as is_against,
        anyones.dossiers,
        anyones.could_be_for as any_for,
        anyones.could_be_against as any_against
    from {{ ref('int_quarantine__any_cell') }} as anyones
    {{ of_moved_cells('int_quarantine__moved', 'anyones') }}
),

-- Only what could be about any dossier shares a figure with other rows: the others are not looked up.
shared_metric as (
    select distinct metric_code
    from {{ ref('int_quarantine__any_cell') }}
),

cell as (
    select *
    from counted
    where metric_code not in (select shared_metric.metric_code from shared_metric)
    union all
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
        sum(dossiers) as dossiers,
        sum(any_for) as any_for,
        sum(any_against) as any_against
    from counted
    where metric_code in (select shared_metric.metric_code from shared_metric)
    group by period_id, org_view, agency_code, field_code, metric_code
),

extreme as not materialized (
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
        bound.period_id,
        bound.org_view,
        bound.agency_code,
        bound.field_code,
        bound.metric_code,
        {{ 'false' if bound in ['mean', 'percentile'] else 'true' }} as is_rate,
        bound.value,
        bound.value_lowest,
        bound.value_highest,
        false as may_be_empty,
        bound.dossiers
    from {{ ref('int_quarantine__' ~ bound ~ '_bound') }} as bound
    {{ of_moved_cells('int_quarantine__moved', 'bound') if bound == 'commune' }}
{%- endfor %}
