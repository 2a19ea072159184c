-- Dossiers' rows that were rejected and are still open, by the code that they were delivered under. Nothing else of them
-- is read: the payload stays in quarantine.
select
    rejected.source_id,
    origin.kind = 'portal_export' as is_portal,
    rejected.record_key as dossier_code,
    rejected.first_seen_at
from {{ source('quarantine', 'rejected_row') }} as rejected
inner join {{ source('ops', 'source') }} as origin on rejected.source_id = origin.source_id
where rejected.entity = 'dossier' and rejected.status = 'open' and rejected.record_key is not null
