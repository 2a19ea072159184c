-- What is in progress and not suspended, by unit and the day that it is due: whoever asks how much is past its date on
-- any day adds up some hundred rows, not each dossier.
select
    agency_code,
    due_on,
    count(*) as dossiers
from {{ ref('fct_dossier') }}
where finished_on is null and not is_suspended and due_on is not null
group by agency_code, due_on
