{{ config(materialized='incremental') }}

-- The units that dossiers name, and by which portal file: what is named only by a file out of force is not named.
select
    cast(null as bigint) as file_id,
    delivered.agency_code
from {{ ref('stg_one_stop__dossier') }} as delivered
{%- if follows_change() %}
    where
        delivered.batch_id = any(array(
            select batch.batch_id
            from {{ ref('int_build__batch') }} as batch
            inner join {{ ref('int_build__moment') }} as moment on batch.build_number = moment.build_number
        ))
{%- endif %}
union
select
    shown.file_id,
    shown.agency_code
from {{ ref('stg_portal__dossier') }} as shown
{%- if follows_change() %}
    where
        shown.batch_id = any(array(
            select batch.batch_id
            from {{ ref('int_build__batch') }} as batch
            inner join {{ ref('int_build__moment') }} as moment on batch.build_number = moment.build_number
        ))
    except
    select
        file_id,
        agency_code
    from {{ this }}
{%- endif %}
