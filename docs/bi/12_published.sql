-- A published quarter as it was signed: the newest edition that is in force.
select form.*
from published.form_ii_06a as form
inner join published.edition as edition on form.edition_id = edition.edition_id
where
    edition.status = 'published' and form.period_convention = 'statutory' and form.period = '2024-Q3'
    and form.org_view = 'as_was'
order by form.agency_code;
