-- What a period's report shows as the year so far: the figures of the period that begins with the year and ends with
-- it. Every quarter has one (the first quarter itself, the half, nine months, the year), and so have the months that
-- end a quarter, and January. Each figure is counted over the whole stretch from its own dossiers, medians and scores
-- too: nothing is added up or averaged here.
{{ config(materialized='view') }}

with

-- A statutory year begins on 15 December, a calendar one on 1 January; of those that begin then, each ends elsewhere.
from_new_year as (
    select
        period_convention,
        period,
        period_from,
        period_to
    from {{ ref('dim_period') }}
    where to_char(period_from, 'MMDD') = case period_convention when 'statutory' then '1215' else '0101' end
)

select
    own.period_convention,
    own.period,
    so_far.period as year_to_date_period,
    so_far.period_from,
    so_far.period_to,
    figure.org_view,
    figure.agency_code,
    figure.agency_level,
    figure.field_code,
    figure.metric_code,
    figure.numerator,
    figure.denominator,
    figure.value,
    figure.metric_version
from {{ ref('dim_period') }} as own
inner join from_new_year as so_far
    on own.period_convention = so_far.period_convention and own.period_to = so_far.period_to
inner join {{ ref('quarterly_metric') }} as figure
    on so_far.period_convention = figure.period_convention and so_far.period = figure.period
