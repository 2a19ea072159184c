{%- set codes = 'int_reconciliation__changed' -%}
-- What the bridge counted before for the pairs that this build makes anew, taken back. In a whole build nothing.
{% if not follows_change() %}
    select
        cast(null as text) as line,
        cast(null as text) as source_id,
        cast(null as int) as place_id,
        cast(null as date) as received_on,
        cast(null as date) as finished_on,
        0 as dossiers
    where false
{% else %}
    {{ bridge_events(
        as_built_before('int_reconciliation__pair'), as_built_before('int_reconciliation__silent'), codes, -1
    ) | indent }}
    -- of the codes of {{ ref('int_reconciliation__changed') }}
{% endif %}
