{{ config(pre_hook="{{ join_by_hash() }}") }}

-- What the dossiers that this build makes anew counted for in int_question__unit_hour, taken back. In a whole build
-- nothing.
{% if not follows_change() %}
    select
        cast(null as text) as agency_code,
        cast(null as timestamp) as hour,
        0 as changes,
        0 as finished,
        0 as resolved,
        0 as last_minute,
        0 as after_hours
    where false
{% else %}
    {{ unit_hours(
        as_built_before('int_dossier__counted'), as_built_before('int_dossier__winner'), 'int_dossier__changed', -1
    ) | indent }}
{% endif %}
