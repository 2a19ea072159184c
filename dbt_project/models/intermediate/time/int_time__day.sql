{{ config(tags=['stands'], indexes=[{'columns': ['day'], 'unique': true}]) }}

-- The calendar of working days: Monday to Friday, but for the exceptions; the province's own file wins over the
-- national list. A day's number is that of the working days up to and including it, so that the working days from
-- a to b (those d with a < d <= b) are number(b) - number(a).
with

exception as (
    select
        coalesce(own.day, national.day) as day,
        coalesce(own.is_working, national.is_working) as is_working,
        case when own.day is null then national.reason else own.reason end as reason,
        case when own.day is null then national.document else own.document end as document
    from {{ ref('stg_reference__working_day_exception') }} as own
    full join {{ ref('national_working_day_exception') }} as national on own.day = national.day
),

covered as (
    select distinct cast(extract(year from day) as int) as year
    from exception
),

-- Wide enough for every receipt, appointment and time limit; to the whole year of an exception that lies further out.
bound as (
    select
        case
            when min(day) < '{{ var("calendar_from") }}' then make_date(min(cast(extract(year from day) as int)), 1, 1)
            else '{{ var("calendar_from") }}'
        end as first_on,
        case
            when max(day) > '{{ var("calendar_to") }}' then make_date(max(cast(extract(year from day) as int)), 12, 31)
            else '{{ var("calendar_to") }}'
        end as last_on
    from exception
),

calendar as (
    select bound.first_on + step as day
    from bound
    cross join generate_series(0, bound.last_on - bound.first_on) as step
),

judged as (
    select
        calendar.day,
        coalesce(exception.is_working, extract(isodow from calendar.day) < 6) as is_working,
        exception.reason,
        exception.document,
        covered.year is not null as is_official
    from calendar
    left join exception on calendar.day = exception.day
    left join covered on extract(year from calendar.day) = covered.year
)

select
    judged.day,
    judged.is_working,
    cast(
        {{ weekday_number('(bound.first_on - 1)') }}
        + count(*) filter (where judged.is_working) over (order by judged.day) as int
    ) as working_day_number,
    judged.is_official,
    judged.reason,
    judged.document
from judged
cross join bound
