-- The places and fields that a source has dossiers of: where one could be whose unit or field nobody knows. Read only
-- where there is such a one.
select distinct
    source_id,
    place_id,
    field_code
from {{ ref('int_dossier__counted') }}
where
    exists (
        select 1
        from {{ ref('int_quarantine__uncertain') }}
        where agency_code is null or field_code is null
    )
