-- The periods of both conventions from the first receipt to those under way on the build's day.
with

bound as (
    select
        moment.known_on,
        least(coalesce(receipt.first_on, moment.known_on), moment.known_on) as first_on
    from {{ ref('int_build__moment') }} as moment
    cross join (select min(received_on) as first_on from {{ ref('int_dossier__counted') }}) as receipt
),

month as (
    select
        convention.name as period_convention,
        month_index
    from bound
    cross join (values ('statutory'), ('calendar')) as convention (name)
    cross join
        generate_series(
            {{ month_index('bound.first_on', 'convention.name') | indent(12) }},
            {{ month_index('bound.known_on', 'convention.name') | indent(12) }}
        ) as month_index
),

period as (
    select distinct
        month.period_convention,
        kind.period_kind,
        month.month_index / kind.cycle * kind.cycle as first_month,
        month.month_index / kind.cycle * kind.cycle + kind.months - 1 as last_month
    from month
    cross join (
        values ('month', 1, 1), ('quarter', 3, 3), ('half', 6, 6), ('nine_months', 12, 9), ('year', 12, 12)
    ) as kind (period_kind, cycle, months)
    where month.month_index % kind.cycle < kind.months
),

named as (
    select
        *,
        to_char(first_month / 12, 'FM0000') || case period_kind
            when 'month' then to_char(first_month % 12 + 1, '"-M"FM00')
            when 'quarter' then '-Q' || first_month % 12 / 3 + 1
            when 'half' then '-H' || first_month % 12 / 6 + 1
            when 'nine_months' then '-9M'
            else ''
        end as period,
        {{ month_first_day('first_month', 'period_convention') | indent(8) }} as period_from,
        {{ month_last_day('last_month', 'period_convention') | indent(8) }} as period_to
    from period
)

select
    -- The same from build to build, and in the order of conventions and days.
    case named.period_convention when 'statutory' then 10000000 else 0 end
    + named.first_month * 100
    + named.last_month - named.first_month as period_id,
    named.period_convention,
    named.period,
    named.period_kind,
    named.period_from,
    named.period_to,
    named.first_month,
    named.last_month,
    named.period_to >= bound.known_on as is_preliminary
from named
cross join bound
