{{ config(indexes=[{'columns': ['agency_code', 'valid_from'], 'unique': true}]) }}

select
    span.agency_code,
    span.name_vi as agency_name_vi,
    span.name_en as agency_name_en,
    span.agency_level,
    span.parent_code,
    span.gso_code,
    case when span.valid_from > '-infinity' then span.valid_from end as valid_from,
    case when span.valid_to < 'infinity' then span.valid_to end as valid_to,
    moment.known_on between span.used_from and span.used_to as is_latest,
    moment.known_on between span.valid_from and span.valid_to as is_valid_now,
    cardinality(path.chain) as tree_depth,
    (
        select string_agg(step.agency_code, '/' order by step.position desc)
        from unnest(path.chain) with ordinality as step (agency_code, position)
    ) as tree_path
from {{ ref('int_agency__span') }} as span
cross join {{ ref('int_build__moment') }} as moment
inner join {{ ref('int_agency__path') }} as path
    on
        path.org_view = 'as_was'
        and span.agency_code = path.agency_code
        -- The row's place in the tree: on the build's day, or on the row's day nearest to it.
        and greatest(least(moment.known_on, span.valid_to), span.valid_from)
        between path.received_from and path.received_to
