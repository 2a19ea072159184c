{{ config(materialized='incremental', unique_key='batch_id') }}

-- The batches that the builds have read, and which build read each last. One that counts only from a later moment on
-- is read again: until then not all of its versions are known.
select
    batch.batch_id,
    batch.accepted_at > moment.known_at as is_ahead,
    moment.build_number
from {{ ref('stg_ops__ledger') }} as batch
cross join {{ ref('int_build__moment') }} as moment
{%- if follows_change() %}
    left join {{ this }} as before on batch.batch_id = before.batch_id
    where before.batch_id is null or before.is_ahead
{%- endif %}
