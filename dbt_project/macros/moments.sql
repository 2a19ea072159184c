{#- The 14 digits of a source as a local moment. Fails loudly: the judge let no unreadable date through. -#}
{% macro local_moment(stamp) -%}
    cast(overlay({{ stamp }} placing 'T' from 9 for 0) as timestamp)
{%- endmacro %}


{#- The same for a text that nobody judged (a delete is checked for its code only): null when it is no real moment. -#}
{% macro local_moment_or_null(stamp) -%}
    case
        when
            {{ stamp }} ~ '^(?!0000)\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d$'
            and cast(substr({{ stamp }}, 7, 2) as int) <= extract(
                day from make_date(
                    cast(substr({{ stamp }}, 1, 4) as int),
                    cast(substr({{ stamp }}, 5, 2) as int),
                    1
                ) + interval '1 month - 1 day'
            )
            then {{ local_moment(stamp) }}
    end
{%- endmacro %}


{#- A code in the form that raw has: trimmed, upper case, without inner blanks; nothing of it is none. -#}
{% macro code_as_raw_has_it(code) -%}
    nullif(upper(regexp_replace(normalize({{ code }}), '\s+', '', 'g')), '')
{%- endmacro %}
