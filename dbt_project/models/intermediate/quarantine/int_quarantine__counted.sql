-- The dossiers that count now and of which rejected rows leave something uncertain, as they are: of those with a row of
-- their own (is_its_own) all that they are, of the others what the row is about.
select
    named.dossier_key,
    named.dossier_code,
    bool_or(named.is_its_own) as is_its_own
from (
    select
        dossier_key,
        counted_code as dossier_code,
        true as is_its_own
    from {{ ref('int_quarantine__uncertain') }}
    where counted_code is not null
    union all
    select
        dossier_key,
        dossier_code,
        false as is_its_own
    from {{ ref('int_quarantine__witness') }}
    where dossier_code is not null
) as named
group by named.dossier_key, named.dossier_code
