-- Fields of procedures with the most dossiers overdue in a quarter.
select field_code, field_name_vi, received_total, resolved_overdue, in_progress_overdue
from report.form_ii_06a_field
where period_convention = 'statutory' and period = '2024-Q3' and org_view = 'as_was' and agency_code = 'H15'
order by resolved_overdue + in_progress_overdue desc, field_code
limit 10;
