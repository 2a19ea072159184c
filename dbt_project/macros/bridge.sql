{#-
    The bridge between the sources' totals as events: every current copy of every system, and what becomes of it. Of pairs and
    of the copies that do not speak (relations), of all or of those with these codes; `sign`: -1 takes them back.
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
    -- What each system delivered, and what of it does not count; what speaks stands in the pair with all that is asked.
    select
        side.line,
        side.source_id,
        side.place_id,
        side.received_on,
        side.finished_on,
        side.dossiers
    from {{ pair }} as pair
    cross join
        lateral (
            values
            (
                'source_total', here_source_id, here_place_id, here_received_on, here_finished_on, 1,
                here_code is not null and here_received_on is not null
            ),
            (
                case when is_test then 'not_counted_test' else 'not_counted_status' end,
                here_source_id, here_place_id, here_received_on, here_finished_on, -1,
                here_code is not null and here_received_on is not null and not is_counted_here
            ),
            (
                'portal_total', there_source_id, there_place_id, there_received_on, there_finished_on, 1,
                there_code is not null and there_received_on is not null
            ),
            (
                'portal_not_counted', there_source_id, there_place_id, there_received_on, there_finished_on, 1,
                there_code is not null and there_received_on is not null and not is_counted_there
            ),
            (
                'only_there_counted', there_source_id, there_place_id, there_received_on, there_finished_on, 1,
                here_state = 'none' and is_counted_there
            )
        ) as side (line, source_id, place_id, received_on, finished_on, dossiers, is_given)
    where side.is_given{{ of_changed }}
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
    -- What the portal shows and the province does not count so, and the other way round.
    select
        side.line,
        cast(null as text) as source_id,
        side.place_id,
        side.received_on,
        side.finished_on,
        side.dossiers
    from (
        select
            pair.*,
            case
                when is_counted_here and is_counted_there then null
                when is_counted_here and there_code is null then 'only_here'
                when is_counted_here then 'status_conflict'
                when here_state = 'deleted' then 'deleted_here'
                when is_test then 'test_here'
                else 'status_conflict'
            end as one_sided,
            -- the dates of receipt: a dossier that moves with its receipt moves for that reason
            case when here_received_on <> there_received_on then 'date_conflict' else 'unit_conflict' end
                as received_reason,
            case
                when here_finished_on is null or there_finished_on is null then 'status_conflict'
                when here_finished_on <> there_finished_on then 'date_conflict'
                when here_agency_code = there_agency_code then 'date_conflict'
                else 'unit_conflict'
            end as finished_reason
        from {{ pair }} as pair
        where
            (is_counted_here or is_counted_there)
            and not (here_state = 'none')
            and (
                not is_counted_here
                or not is_counted_there
                or here_place_id <> there_place_id
                or here_received_on <> there_received_on
                or here_finished_on is distinct from there_finished_on
            ){{ of_changed }}
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
        ) as side (line, place_id, received_on, finished_on, dossiers, is_counted)
    where side.is_counted
) as event
{%- endmacro %}
