-- The percentiles of working days, by shifting ranks. Lowest: all uncertain dossiers before the others, with no day;
-- highest: all of them after the others, with the most days that one could have taken. Where the rank then falls among
-- the uncertain ones and nobody knows the most days, there is no highest value.
with

cell as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        cast(sum(dossiers) as bigint) as dossiers,
        bool_or(may_be_here and days_highest is null) as is_without_highest,
        max(greatest(days_highest, days_now)) as days_highest
    from {{ ref('int_quarantine__day') }}
    group by period_id, org_view, agency_code, field_code
),

others_day as (
    select
        cell.period_id,
        cell.org_view,
        cell.agency_code,
        cell.field_code,
        day.processing_working_days as days,
        day.dossiers
    from cell
    inner join {{ ref('int_agency__unit_places') }} as unit
        on cell.org_view = unit.org_view and cell.agency_code = unit.agency_code
    inner join {{ ref('int_agency__place_set') }} as member on unit.place_set_id = member.place_set_id
    inner join {{ ref('int_period__month') }} as part on cell.period_id = part.period_id and part.is_within
    inner join {{ ref('int_metric__processing_day') }} as day
        on
            member.place_id = day.place_id
            and part.period_convention = day.period_convention
            and part.month_index = day.month_index
            and (cell.field_code = '*' or cell.field_code = day.field_code)
    -- Without an uncertain dossier nothing of this is read.
    where exists (select 1 from {{ ref('int_quarantine__day') }})
    union all
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        days_now as days,
        -dossiers as dossiers
    from {{ ref('int_quarantine__day') }}
    where days_now is not null
),

histogram as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        days,
        sum(dossiers) as dossiers
    from others_day
    group by period_id, org_view, agency_code, field_code, days
    having sum(dossiers) > 0
),

ranked as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        days,
        cast(sum(dossiers) over (others order by days) as bigint) as up_to
    from histogram
    window others as (partition by period_id, org_view, agency_code, field_code)
),

counted as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        max(up_to) as others,
        max(days) as days_most
    from ranked
    group by period_id, org_view, agency_code, field_code
),

-- Ranks from 0; the percentile lies at (n - 1) * p, between two of them on the straight line.
asked as (
    select
        cell.*,
        coalesce(counted.others, 0) as others,
        -- After all the others stands one with at least their days.
        case when not cell.is_without_highest then greatest(cell.days_highest, counted.days_most) end as days_after,
        figure.metric_code,
        figure.tenths,
        (coalesce(counted.others, 0) + cell.dossiers - 1) * figure.tenths as place
    from cell
    left join counted using (period_id, org_view, agency_code, field_code)
    cross join
        (values ('processing_working_days_p50', 5), ('processing_working_days_p90', 9)) as figure (metric_code, tenths)
),

neighbour as (
    select
        asked.period_id,
        asked.org_view,
        asked.agency_code,
        asked.field_code,
        asked.metric_code,
        min(ranked.days) filter (where ranked.up_to > asked.place / 10 - asked.dossiers) as low_lower,
        min(ranked.days) filter (where ranked.up_to > (asked.place + 9) / 10 - asked.dossiers) as low_upper,
        min(ranked.days) filter (where ranked.up_to > asked.place / 10) as high_lower,
        min(ranked.days) filter (where ranked.up_to > (asked.place + 9) / 10) as high_upper
    from asked
    left join ranked using (period_id, org_view, agency_code, field_code)
    group by asked.period_id, asked.org_view, asked.agency_code, asked.field_code, asked.metric_code
),

settled as (
    select
        asked.period_id,
        asked.org_view,
        asked.agency_code,
        asked.field_code,
        asked.metric_code,
        asked.dossiers,
        asked.place % 10 / 10.0 as share,
        -- A rank before the others is one with no day.
        case when asked.place / 10 < asked.dossiers then 0 else neighbour.low_lower end as low_lower,
        case when (asked.place + 9) / 10 < asked.dossiers then 0 else neighbour.low_upper end as low_upper,
        coalesce(neighbour.high_lower, asked.days_after) as high_lower,
        coalesce(neighbour.high_upper, asked.days_after) as high_upper
    from asked
    inner join neighbour using (period_id, org_view, agency_code, field_code, metric_code)
)

select
    settled.period_id,
    settled.org_view,
    settled.agency_code,
    settled.field_code,
    settled.metric_code,
    case settled.metric_code
        when 'processing_working_days_p50' then figure.p50
        else figure.p90
    end as value,
    settled.low_lower + (settled.low_upper - settled.low_lower) * settled.share as value_lowest,
    settled.high_lower + (settled.high_upper - settled.high_lower) * settled.share as value_highest,
    settled.dossiers
from settled
left join {{ ref('int_metric__processing_percentile') }} as figure
    on
        settled.period_id = figure.period_id
        and settled.org_view = figure.org_view
        and settled.agency_code = figure.agency_code
        and settled.field_code = figure.field_code
