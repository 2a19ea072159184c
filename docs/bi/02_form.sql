-- Form II.06a of a quarter, all units.
select *
from report.form_ii_06a
where period_convention = 'statutory' and period = '2024-Q3' and org_view = 'as_was'
order by agency_code;
