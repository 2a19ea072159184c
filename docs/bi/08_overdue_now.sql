-- Dossiers of a unit that are past their date and not finished, the oldest first.
select dossier_code, procedure_code, received_on, due_on, status, is_suspended
from mart.fct_dossier
where agency_code = 'H15.07' and finished_on is null and due_on < current_date and not is_suspended
order by due_on, dossier_code
limit 200;
