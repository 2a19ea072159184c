-- Numerators and denominators that are counts of the form or of feedback are those very counts, over every row of
-- quarterly_metric.
{%- set parts = [
    ('on_time_rate', 'numerator', ['resolved_early', 'resolved_on_time']),
    ('on_time_rate', 'denominator', ['resolved_total']),
    ('early_rate', 'numerator', ['resolved_early']),
    ('early_rate', 'denominator', ['resolved_total']),
    ('overdue_rate', 'numerator', ['resolved_overdue']),
    ('overdue_rate', 'denominator', ['resolved_total']),
    ('no_due_date_rate', 'denominator', ['resolved_total']),
    ('progress_rate', 'numerator', ['resolved_early', 'resolved_on_time', 'in_progress_within']),
    ('progress_rate', 'denominator', ['received_total']),
    ('apology_rate', 'denominator', ['resolved_overdue', 'in_progress_overdue']),
    ('online_submission_rate', 'numerator', ['received_online']),
    ('online_submission_rate', 'denominator', ['received_online', 'received_direct_postal']),
    ('identity_verified_rate', 'denominator', ['received_online']),
    ('feedback_on_time_rate', 'numerator', ['feedback_handled_on_time', 'feedback_in_progress_within']),
    ('feedback_on_time_rate', 'denominator', ['feedback_received_total']),
    ('feedback_satisfaction_rate', 'denominator', ['feedback_received_total']),
] %}
select
    period_convention,
    period,
    org_view,
    agency_code,
    field_code
from {{ ref('quarterly_metric') }}
group by period_convention, period, org_view, agency_code, field_code
having
    {% for rate, side, counts in parts %}
        coalesce(sum(
            case
                when metric_code = '{{ rate }}' then {{ side }}
                when metric_code in ('{{ counts | join("', '") }}') then -value
            end
        ), 0) <> 0
        {% if not loop.last %}or{% endif %}
    {% endfor %}
