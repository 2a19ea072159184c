{#- A model's folder names its schema outright (staging, intermediate, mart, report): one warehouse, one database. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
