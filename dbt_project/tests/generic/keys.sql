{#- The columns together stand once. That none of them is null is the contract's business. -#}
{% test primary_key(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as times
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}


{#- What the columns name exists there; a null names nothing. -#}
{% test foreign_key(model, columns, to, to_columns=none) %}
select distinct {{ columns | join(', ') }}
from {{ model }}
where {% for column in columns %}{{ column }} is not null{{ ' and ' if not loop.last }}{% endfor %}
except
select {{ (to_columns or columns) | join(', ') }}
from {{ to }}
{% endtest %}
