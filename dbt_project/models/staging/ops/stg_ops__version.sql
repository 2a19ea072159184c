-- Of every accepted record only whose it is and which content, whatever its kind: enough to tell a correction.
select
    batch_id,
    source_id,
    'dossier' as entity,
    ma_ho_so as record_key,
    content_hash
from {{ source('raw', 'one_stop_dossier') }}
union all
select
    batch_id,
    source_id,
    'dossier' as entity,
    ma_ho_so as record_key,
    content_hash
from {{ source('raw', 'portal_dossier') }}
union all
select
    batch_id,
    source_id,
    'payment' as entity,
    ma_giao_dich as record_key,
    content_hash
from {{ source('raw', 'portal_payment') }}
union all
select
    batch_id,
    source_id,
    'rating' as entity,
    ma_phieu as record_key,
    content_hash
from {{ source('raw', 'portal_rating') }}
union all
select
    batch_id,
    source_id,
    'feedback_case' as entity,
    ma_pakn as record_key,
    content_hash
from {{ source('raw', 'feedback_case') }}
