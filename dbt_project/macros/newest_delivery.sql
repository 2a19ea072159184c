{#-
    When the newest delivery of an entity ended, read off the ledger (raw rows have no clock of their own). A delivery
    without anything new is one too: the source answered. Of several sources the one that is behind speaks; one that
    never delivered is as old as can be. A kind that province.yml does not name is never late.
-#}
{% macro newest_delivery(kinds, entity) -%}
    select
        case
            when count(*) = 0 then now()
            when bool_and(newest is not null) then min(newest)
        end as loaded_at
    from (
        select max(batch.finished_at) as newest
        from {{ source('ops', 'source') }} as origin
        left join {{ source('ops', 'load_batch') }} as batch
            on
                origin.source_id = batch.source_id
                and batch.entity = '{{ entity }}'
                and batch.state in ('loaded', 'duplicate')
        where origin.removed_at is null and origin.kind in ('{{ kinds | join("', '") }}')
        group by origin.source_id
    ) as source_age
{%- endmacro %}
