{#- Finished at the end of the due date: within the last minutes of the office day (17:00), or after it. -#}
{% macro is_last_minute(dossier) -%}
    coalesce(
        {{ dossier }}.finished_on = {{ dossier }}.due_on
        and {{ dossier }}.status <> 7
        and cast({{ dossier }}.finished_at as time)
        >= time '17:00' - interval '{{ var("question_last_minutes") }} minutes',
        false
    )
{%- endmacro %}


{#- The columns of int_question__unit_hour that are counts. -#}
{% macro unit_hour_counts() -%}
    {{ return(['changes', 'finished', 'resolved', 'last_minute', 'after_hours']) }}
{%- endmacro %}


{#-
    Dossiers (relations: counted, winner) by unit and hour of their last change: finished (7, 9, 10), or waiting (5, 6, 8)
    since; all of them or those with these codes; `sign`: -1 takes them back.
-#}
{% macro unit_hours(counted, winner, codes=none, sign=1) -%}
select
    counted.agency_code,
    date_trunc('hour', coalesce(counted.finished_at, winner.status_since)) as hour,
    {{ sign }} * count(*) as changes,
    {{ sign }} * count(*) filter (where counted.finished_on is not null) as finished,
    {{ sign }} * count(*) filter (
        where counted.finished_on is not null and counted.due_on is not null and counted.status <> 7
    ) as resolved,
    {{ sign }} * count(*) filter (where {{ is_last_minute('counted') | indent }}) as last_minute,
    {{ sign }} * count(*) filter (
        where cast(counted.finished_at as time) >= time '17:00' and {{ is_last_minute('counted') | indent(8) }}
    ) as after_hours
from {{ counted }} as counted
inner join {{ winner }} as winner on counted.dossier_group = winner.dossier_group
where
    coalesce(counted.finished_at, winner.status_since) is not null
    and (counted.finished_on is not null or counted.status in (5, 6, 8))
    {%- if codes %}
    and counted.dossier_code = {{ changed_codes(codes) }}
    and winner.dossier_group = {{ changed_codes(codes) }}
    {%- endif %}
group by counted.agency_code, date_trunc('hour', coalesce(counted.finished_at, winner.status_since))
{%- endmacro %}
