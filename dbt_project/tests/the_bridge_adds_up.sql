-- From what the one-stop systems delivered, step by step, to what the portal shows: nothing is left over, in any period,
-- view and unit.
select
    period_convention,
    period,
    org_view,
    agency_code
from {{ ref('reconciliation_period') }}
where line_kind <> 'subtotal'
group by period_convention, period, org_view, agency_code
having
    sum(case when line = 'portal_total' then -received else received end) <> 0
    or sum(case when line = 'portal_total' then -resolved else resolved end) <> 0
    or sum(case when line = 'portal_total' then -in_progress else in_progress end) <> 0
