-- Feedback by unit in a year: cases counted, answered, and answered in time.
select
    agency_code, count(*) as cases, count(answered_on) as answered,
    count(*) filter (where answered_on <= due_on) as answered_in_time
from mart.fct_feedback
where is_counted and received_on >= date '2024-01-01' and received_on < date '2025-01-01'
group by agency_code
order by cases desc, agency_code;
