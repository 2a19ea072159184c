{{ config(
    materialized='incremental',
    on_schema_change='fail',
    pre_hook="{{ forget_all() }}",
    indexes=[{'columns': ['known_at'], 'unique': true}],
) }}

-- The moment that all marts speak of. It keeps its table, so that views over it stand while a build goes on.
select
    known_at,
    cast(known_at at time zone '{{ var("timezone") }}' as timestamp) as known_at_local,
    known_on
from {{ ref('int_build__moment') }}
