{{ config(indexes=[{'columns': ['date_day'], 'unique': true}]) }}

-- The days of all periods shown.
with

bound as (
    select
        min(period_from) as first_on,
        max(period_to) as last_on
    from {{ ref('int_period__period') }}
),

day as (
    select
        bound.first_on + step as date_day,
        {{ month_index('(bound.first_on + step)', "'calendar'") | indent(8) }} as calendar_month,
        {{ month_index('(bound.first_on + step)', "'statutory'") | indent(8) }} as statutory_month
    from bound
    cross join generate_series(0, bound.last_on - bound.first_on) as step
)

select
    day.date_day,
    cast(extract(isodow from day.date_day) as smallint) as iso_weekday,
    cast(day.calendar_month / 12 as int) as calendar_year,
    to_char(day.calendar_month / 12, 'FM0000') || '-Q' || day.calendar_month % 12 / 3 + 1 as calendar_quarter,
    to_char(day.calendar_month / 12, 'FM0000') || to_char(day.calendar_month % 12 + 1, '"-M"FM00') as calendar_month,
    cast(day.statutory_month / 12 as int) as statutory_year,
    to_char(day.statutory_month / 12, 'FM0000') || '-Q' || day.statutory_month % 12 / 3 + 1 as statutory_quarter,
    to_char(day.statutory_month / 12, 'FM0000') || to_char(day.statutory_month % 12 + 1, '"-M"FM00') as statutory_month,
    coalesce(working.is_working, extract(isodow from day.date_day) < 6) as is_working_day,
    coalesce(working.is_official, false) as is_official_calendar,
    working.reason as exception_reason
from day
left join {{ ref('int_time__day') }} as working on day.date_day = working.day
