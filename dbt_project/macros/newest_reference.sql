{#- The rows of the newest loaded version of a reference file: figures use the newest accepted reference data. -#}
{% macro newest_reference(entity) -%}
    select *
    from {{ source('raw', entity) }}
    where batch_id = (
        select max(batch_id)
        from {{ source('ops', 'load_batch') }}
        where source_id = 'reference' and entity = '{{ entity }}' and state = 'loaded'
    )
{%- endmacro %}


{#- The first two parts of a procedure's code: 1.012790.000.00.00.H15 is 1.012790. -#}
{% macro short_procedure_code(code) -%}
    split_part({{ code }}, '.', 1) || '.' || split_part({{ code }}, '.', 2)
{%- endmacro %}
