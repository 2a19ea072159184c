-- The province's quarter: dossiers received, resolved, in progress, and how many were resolved in time.
select
    period, received_total, resolved_total, resolved_early + resolved_on_time as resolved_in_time,
    round(100.0 * (resolved_early + resolved_on_time) / nullif(resolved_total, 0), 2) as in_time_percent,
    in_progress_total, in_progress_overdue
from report.form_ii_06a
where period_convention = 'statutory' and org_view = 'as_was' and period ~ '^\d{4}-Q\d$' and agency_code = 'H15'
order by period desc
limit 8;
