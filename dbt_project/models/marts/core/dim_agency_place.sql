{{ config(
    materialized='incremental',
    on_schema_change='fail',
    pre_hook="{{ forget_all() }}",
    indexes=[{'columns': ['place_id'], 'unique': true}],
) }}

-- What became of a unit: rows of dossiers hold the number of their place, so that a merger writes none of them. The
-- table is kept, so that views over it stand while a build goes on.
select
    place_id,
    agency_code,
    current_agency_code,
    case when received_from > '-infinity' then received_from end as received_from,
    case when received_to < 'infinity' then received_to end as received_to
from {{ ref('int_agency__place') }}
