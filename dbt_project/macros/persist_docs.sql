{#- Descriptions as comments, all of a relation's as one text. A described column that does not exist fails the build. -#}
{% macro comments_on(relation) -%}
    {%- if config.persist_relation_docs() and model.description -%}
    comment on {{ relation.type }} {{ relation }} is {{ postgres_escape_comment(model.description) }};
    {%- endif -%}
    {%- if config.persist_column_docs() -%}
    {%- for column in model.columns.values() if column.description %}
    comment on column {{ relation }}.{{ column.name }} is {{ postgres_escape_comment(column.description) }};
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}


{#- dbt's own way asks the catalog for the columns twice and sends two statements more. -#}
{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set comments = comments_on(relation) -%}
    {%- if comments -%}
    {% call statement('comments') %}{{ comments }}{% endcall %}
    {%- endif -%}
{%- endmacro %}
