{#-
    The chain of a place found by a left join; a unit that no file knows (any more) hangs under the province, so that
    nothing is lost on the way up. `view`: as_was or as_is.
-#}
{% macro place_chain(place, view, agency_code) -%}
    coalesce(
        {{ place }}.chain_{{ view }},
        case
            when {{ agency_code }} = '{{ var("province_code") }}' then array[{{ agency_code }}]
            else array[{{ agency_code }}, cast('{{ var("province_code") }}' as text)]
        end
    )
{%- endmacro %}
