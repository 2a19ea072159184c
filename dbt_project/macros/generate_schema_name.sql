{#-
    A model's folder names its schema outright (staging, intermediate, mart, report): one warehouse, one database.
    ONESTOP_SCHEMA_PREFIX makes a second set beside the served one, for figures as they were known at a past moment.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ env_var('ONESTOP_SCHEMA_PREFIX', '') ~ (custom_schema_name or target.schema) }}
{%- endmacro %}
