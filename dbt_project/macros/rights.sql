{#-
    A hook: a table or view that dbt has just made gets the rights and row policies that are declared for it (rights.yml of
    onestop.warehouse), in the transaction that puts it in its place. Views ask with their reader's rights.
-#}
{% macro apply_rights() -%}
    {%- if model.config.materialized == 'view' -%}
    alter view {{ this }} set (security_invoker = true);
    {%- endif -%}
    {%- if model.config.materialized != 'incremental' or not follows_change() %}
    select ops.apply_rights('{{ this }}')
    {%- endif -%}
{%- endmacro %}

{#- A hook of the tree of units: whose rows a unit's login sees hangs on the tree that is served. -#}
{% macro look_up_units() -%}
    {%- if env_var('ONESTOP_SCHEMA_PREFIX', '') == '' -%}
    select ops.look_up_units()
    {%- endif -%}
{%- endmacro %}
