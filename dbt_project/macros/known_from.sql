{#-
    From when on a delivered version is known: the moment its batch was accepted; the versions of a source's first
    load from their NgayCapNhat on (local time), and never later than they were accepted.
-#}
{% macro known_from(updated_at) -%}
    case
        when is_first_load then least({{ updated_at }} at time zone '{{ var("timezone") }}', accepted_at)
        else accepted_at
    end
{%- endmacro %}
