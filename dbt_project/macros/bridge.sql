{#-
    The bridge between the sources' totals as events: every current copy of every system, and what becomes of it. Of pairs and
    of the copies that do not speak (relations), of all or of those with these codes; `sign`: -1 takes them back. Pairs of
    one fate are one event, on the first day of the half month: no period begins or ends within one.
-#}
{% macro bridge_events(pair, silent, codes=none, sign=1) -%}
{%- set of_changed = ' and dossier_group = ' ~ changed_codes(codes) if codes else '' -%}
select
    line,
    source_id,
    place_id,
    received_on,
    finished_on,
    {{ sign }} * dossiers as dossiers
from (
    with

    alike as (
        select
            here_state,
            is_counted_here,
            is_counted_there,
            is_test,
            is_there,
            here_source_id,
            here_place_id,
            here_received_on,
            here_finished_on,
            there_source_id,
            there_place_id,
            there_received_on,
            there_finished_on,
            is_moved,
            is_received_otherwise,
            finished_reason,
            count(*) as dossiers
        from (
            select
                here_state,
                is_counted_here,
                is_counted_there,
                is_test,
                there_code is not null as is_there,
                here_source_id,
                here_place_id,
                {{ first_of_half_month('here_received_on') }} as here_received_on,
                {{ first_of_half_month('here_finished_on') }} as here_finished_on,
                there_source_id,
                there_place_id,
                {{ first_of_half_month('there_received_on') }} as there_received_on,
                {{ first_of_half_month('there_finished_on') }} as there_finished_on,
                -- What the portal shows and the province does not count so, or the other way round.
                (
                    not is_counted_here
                    or not is_counted_there
                    or here_place_id <> there_place_id
                    or here_received_on <> there_received_on
                    or here_finished_on is distinct from there_finished_on
                ) as is_moved,
                (here_received_on <> there_received_on) as is_received_otherwise,
                case
                    when here_finished_on is null or there_finished_on is null then 'status_conflict'
                    when here_finished_on <> there_finished_on then 'date_conflict'
                    when here_agency_code = there_agency_code then 'date_conflict'
                    else 'unit_conflict'
                end as finished_reason
            from {{ pair }} as pair
            where true{{ of_changed }}
        ) as fate
        group by
            here_state,
            is_counted_here,
            is_counted_there,
            is_test,
            is_there,
            here_source_id,
            here_place_id,
            here_received_on,
            here_finished_on,
            there_source_id,
            there_place_id,
            there_received_on,
            there_finished_on,
            is_moved,
            is_received_otherwise,
            finished_reason
    )

    -- What each system delivered, and what of it does not count; what speaks stands in the pair with all that is asked.
    select
        side.line,
        side.source_id,
        side.place_id,
        side.received_on,
        side.finished_on,
        side.sign * alike.dossiers as dossiers
    from alike
    cross join
        lateral (
            values
            (
                'source_total', here_source_id, here_place_id, here_received_on, here_finished_on, 1,
                here_state = 'present' and here_received_on is not null
            ),
            (
                case when is_test then 'not_counted_test' else 'not_counted_status' end,
                here_source_id, here_place_id, here_received_on, here_finished_on, -1,
                here_state = 'present' and here_received_on is not null and not is_counted_here
            ),
            (
                'portal_total', there_source_id, there_place_id, there_received_on, there_finished_on, 1,
                is_there and there_received_on is not null
            ),
            (
                'portal_not_counted', there_source_id, there_place_id, there_received_on, there_finished_on, 1,
                is_there and there_received_on is not null and not is_counted_there
            ),
            (
                'only_there_counted', there_source_id, there_place_id, there_received_on, there_finished_on, 1,
                here_state = 'none' and is_counted_there
            )
        ) as side (line, source_id, place_id, received_on, finished_on, sign, is_given)
    where side.is_given
    union all
    select
        fate.line,
        silent.source_id,
        silent.place_id,
        silent.received_on,
        silent.finished_on,
        fate.dossiers
    from {{ silent }} as silent
    cross join
        lateral (
            values
            (case when silent.is_portal then 'portal_total' else 'source_total' end, 1),
            (silent.line, case when silent.is_portal then 1 else -1 end)
        ) as fate (line, dossiers)
    where true{{ of_changed }}
    union all
    select
        side.line,
        cast(null as text) as source_id,
        side.place_id,
        side.received_on,
        side.finished_on,
        side.sign * moved.dossiers as dossiers
    from (
        select
            alike.*,
            case
                when is_counted_here and is_counted_there then null
                when is_counted_here and not is_there then 'only_here'
                when is_counted_here then 'status_conflict'
                when here_state = 'deleted' then 'deleted_here'
                when is_test then 'test_here'
                else 'status_conflict'
            end as one_sided,
            -- the dates of receipt: a dossier that moves with its receipt moves for that reason
            case when is_received_otherwise then 'date_conflict' else 'unit_conflict' end as received_reason
        from alike
        where (is_counted_here or is_counted_there) and here_state <> 'none' and is_moved
    ) as moved
    cross join
        lateral (
            values
            (
                coalesce(one_sided, received_reason), here_place_id, here_received_on, cast(null as date), -1,
                is_counted_here
            ),
            (coalesce(one_sided, finished_reason), here_place_id, null, here_finished_on, -1, is_counted_here),
            (coalesce(one_sided, received_reason), there_place_id, there_received_on, null, 1, is_counted_there),
            (coalesce(one_sided, finished_reason), there_place_id, null, there_finished_on, 1, is_counted_there)
        ) as side (line, place_id, received_on, finished_on, sign, is_counted)
    where side.is_counted
) as event
{%- endmacro %}


{#- The 1st or the 15th: a month of either convention begins on one of them. -#}
{% macro first_of_half_month(day) -%}
    {{ day }} - cast(date_part('day', {{ day }}) as int) + case when date_part('day', {{ day }}) >= 15 then 15 else 1 end
{%- endmacro %}
