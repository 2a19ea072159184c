{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed('dossier_code') }}",
    indexes=[{'columns': ['dossier_code'], 'unique': true}],
) }}

-- int_dossier__measured, kept: what is added up (the tables of cells, the facts) reads it here, and the next build
-- takes from it what a changed dossier counted for before.
select measured.* -- noqa: AM04
from {{ ref('int_dossier__measured') }} as measured
{%- if follows_change() %}
-- After its rows as they were have been taken over by {{ ref('int_dossier__movement') }}.
    where measured.dossier_code = {{ changed_codes() }}
{%- endif %}
