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
