{#-
    Rows with validity (valid_from, valid_to: inclusive, null = open) as pieces of time that never overlap: each key's
    life is cut where one of its rows begins or ends, and where rows overlap, the one that began last holds (then the
    later in the file). Gives key, valid_from, valid_to (never null: infinite) and the row's batch_id and row_number.
-#}
{% macro disjoint_spans(relation, key) -%}
    select distinct on (piece.{{ key }}, piece.valid_from)
        piece.{{ key }},
        piece.valid_from,
        piece.valid_to,
        dated.row_number
    from (
        select
            edge.{{ key }},
            edge.day as valid_from,
            coalesce(lead(edge.day) over (partition by edge.{{ key }} order by edge.day) - 1, 'infinity') as valid_to
        from (
            select
                {{ key }},
                coalesce(valid_from, '-infinity') as day
            from {{ relation }}
            union
            select
                {{ key }},
                valid_to + 1 as day
            from {{ relation }}
            where valid_to is not null
        ) as edge
    ) as piece
    inner join (
        select
            {{ key }},
            row_number,
            coalesce(valid_from, '-infinity') as valid_from,
            coalesce(valid_to, 'infinity') as valid_to
        from {{ relation }}
    ) as dated
        on
            piece.{{ key }} = dated.{{ key }}
            and piece.valid_from >= dated.valid_from
            and piece.valid_to <= dated.valid_to
    order by piece.{{ key }}, piece.valid_from, dated.valid_from desc, dated.row_number desc
{%- endmacro %}


{#-
    Stretches spans over all days: a day outside every span goes to the span nearest to it, of two equally near ones
    to the earlier. Two expressions, for use over a window of one key ordered by valid_from.
-#}
{% macro stretched_to(valid_from, valid_to, over) -%}
    case
        when lead({{ valid_from }}) over {{ over }} is null then 'infinity'
        else {{ valid_to }} + (lead({{ valid_from }}) over {{ over }} - {{ valid_to }}) / 2
    end
{%- endmacro %}


{% macro stretched_from(valid_from, valid_to, over) -%}
    case
        when lag({{ valid_from }}) over {{ over }} is null then '-infinity'
        else lag({{ valid_to }}) over {{ over }} + ({{ valid_from }} - lag({{ valid_to }}) over {{ over }}) / 2 + 1
    end
{%- endmacro %}
