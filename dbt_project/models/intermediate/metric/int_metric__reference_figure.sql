-- The figures of the optional reference files, for all fields together. Each row of a file belongs to the unit that it
-- names and to all units above it.
-- as_was: in the tree of the period's last day; a month's documents in that of the month.
-- as_is: with the unit's successor, in the tree of the build's day; a succession applies to rows that speak of a day
-- before it: that of the count, of the point's beginning, of the month, of the survey's year. So a unit that was merged
-- keeps its rows in as_was, and its successor has them in as_is.
with

{{ reference_rows_placed() }}

select
    placed.period_id,
    view.org_view,
    view.agency_code,
    '*' as field_code,
    placed.metric_code,
    cast(sum(placed.numerator) as numeric) as numerator,
    cast(sum(placed.denominator) as numeric) as denominator
from placed
cross join
    lateral (
        select
            'as_was' as org_view,
            agency_code
        from unnest(placed.chain_as_was) as agency_code
        union all
        select
            'as_is' as org_view,
            agency_code
        from unnest(placed.chain_as_is) as agency_code
    ) as view
group by placed.period_id, view.org_view, view.agency_code, placed.metric_code
having sum(placed.numerator) <> 0 or sum(placed.denominator) <> 0
