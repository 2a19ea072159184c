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
    date_day,
    cast(extract(isodow from date_day) as smallint) as iso_weekday,
    {%- for convention in ('calendar', 'statutory') %}
    cast({{ convention }}_month / 12 as int) as {{ convention }}_year,
    to_char({{ convention }}_month / 12, 'FM0000') || '-Q' || {{ convention }}_month % 12 / 3 + 1
        as {{ convention }}_quarter,
    to_char({{ convention }}_month / 12, 'FM0000') || to_char({{ convention }}_month % 12 + 1, '"-M"FM00')
        as {{ convention }}_month{{ ',' if not loop.last }}
    {%- endfor %}
from day
