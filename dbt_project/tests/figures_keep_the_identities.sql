-- Over every row of quarterly_metric, whatever the period, view, unit and field: 3 = 4 + 5 + 6, 7 = 8 + 9 + 10,
-- 11 = 12 + 13, 3 = 7 + 11, of dossiers and of feedback; what is suspended is within the time limit.
{%- set identities = [
    ('received_total', ['received_online', 'received_direct_postal', 'received_carried_over']),
    ('resolved_total', ['resolved_early', 'resolved_on_time', 'resolved_overdue']),
    ('in_progress_total', ['in_progress_within', 'in_progress_overdue']),
    ('received_total', ['resolved_total', 'in_progress_total']),
    ('feedback_received_total', ['feedback_received_new', 'feedback_received_carried_over']),
    ('feedback_handled_total', ['feedback_handled_on_time', 'feedback_handled_overdue']),
    ('feedback_in_progress_total', ['feedback_in_progress_within', 'feedback_in_progress_overdue']),
    ('feedback_received_total', ['feedback_handled_total', 'feedback_in_progress_total']),
] %}
select
    period_convention,
    period,
    org_view,
    agency_code,
    field_code
from {{ ref('quarterly_metric') }}
where denominator is null
group by period_convention, period, org_view, agency_code, field_code
having
    {% for total, parts in identities %}
        sum(
            case
                when metric_code = '{{ total }}' then value
                when metric_code in ('{{ parts | join("', '") }}') then -value
            end
        ) <> 0
        or
    {% endfor %}
    sum(
        case metric_code when 'suspended_total' then value when 'in_progress_within' then -value end
    ) > 0
