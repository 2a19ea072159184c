-- What causes are read from besides the pairs, and whether it is otherwise than in the build before; what is no more
-- stands here once more, without a moment.
--   source  a one-stop system: the newest NgayCapNhat that it delivered
--   unit    the same of the systems that deliver the unit's dossiers: one that is on the portal alone would have come
--           from these
--   any     the newest of any system: what the others fall back to
--   export  the last day of an export of the portal that is in force
--   places  the trees of units, as one number
with recursive

delivered as (
    select
        source_id,
        max(updated_at) as reached_at
    from {{ ref('int_dossier__version') }}
    where
        not is_portal
        {%- if follows_change() %}
            and dossier_code = {{ changed_codes() }}
        {%- endif %}
        and not is_deleted
    group by source_id
),

source as (
    select
        source_id,
        max(reached_at) as reached_at
    from (
        select * from delivered
        {%- if follows_change() %}
            union all
            select
                code as source_id,
                reached_at
            from {{ this }}
            where kind = 'source'
        {%- endif %}
    ) as ever
    group by source_id
),

-- The systems of each unit, one look into the index of pairs for each.
unit_source as (
    (
        select
            here_agency_code as agency_code,
            here_source_id as source_id
        from {{ ref('int_reconciliation__pair') }}
        where here_agency_code is not null
        order by here_agency_code, here_source_id
        limit 1
    )
    union all
    select further.*
    from unit_source
    cross join lateral (
        select
            pair.here_agency_code as agency_code,
            pair.here_source_id as source_id
        from {{ ref('int_reconciliation__pair') }} as pair
        where (pair.here_agency_code, pair.here_source_id) > (unit_source.agency_code, unit_source.source_id)
        order by pair.here_agency_code, pair.here_source_id
        limit 1
    ) as further
),

reach as (
    select
        'source' as kind,
        source_id as code,
        reached_at,
        cast(null as numeric) as print
    from source
    union all
    select
        'unit' as kind,
        unit_source.agency_code as code,
        max(source.reached_at) as reached_at,
        cast(null as numeric) as print
    from unit_source
    inner join source on unit_source.source_id = source.source_id
    group by unit_source.agency_code
    union all
    select
        'any' as kind,
        '' as code,
        max(reached_at) as reached_at,
        cast(null as numeric) as print
    from source
    having max(reached_at) is not null
    union all
    select distinct
        'export' as kind,
        cast(shown.covers_to as text) as code,
        cast(shown.covers_to as timestamp) as reached_at,
        cast(null as numeric) as print
    from {{ ref('stg_portal__file') }} as shown
    inner join {{ ref('int_portal__file') }} as known on shown.file_id = known.file_id
    where known.is_current and known.entity = 'dossier' and shown.covers_to is not null
    union all
    select
        'places' as kind,
        '' as code,
        cast(null as timestamp) as reached_at,
        sum(
            hash_record_extended(
                row(agency_code, received_from, received_to, current_agency_code, chain_as_was), 0
            )
        ) as print
    from {{ ref('int_agency__place') }}
)

{% if follows_change() -%}
    select
        kind,
        code,
        reach.reached_at,
        reach.print,
        (reach.reached_at is distinct from before.reached_at)
        or (reach.print is distinct from before.print) as is_moved,
        reach.code is null or before.code is null or reach.reached_at < before.reached_at as is_earlier
    from reach
    full join (
        select *
        from {{ this }}
        where reached_at is not null or print is not null
    ) as before using (kind, code)
{%- else -%}
    select
        *,
        true as is_moved,
        false as is_earlier
    from reach
{%- endif %}
