{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed('dossier_code') }}",
    indexes=[{'columns': ['dossier_code'], 'unique': true}, {'columns': ['dossier_group']}],
) }}

-- Codes that name one dossier. Every known version links its MaHoSo to its MaHoSoKhac, in both directions and
-- transitively; a group bears the smallest of its codes. Codes without a link have no row.
-- Each round gives every code the smallest name among its neighbours' and its own, until no name changes.
with recursive

link as (
    select distinct
        version.dossier_code,
        version.other_code
    from {{ ref('int_dossier__delivered') }} as version
    cross join {{ ref('int_build__moment') }} as moment
    where
        version.other_code <> version.dossier_code
        and version.known_at <= moment.known_at
        {%- if follows_change() %}
            and version.dossier_code = {{ changed_codes() }}
        {%- endif %}
),

neighbour as (
    select
        dossier_code as code,
        other_code as neighbour_code
    from link
    union
    select
        other_code as code,
        dossier_code as neighbour_code
    from link
    union
    select
        code,
        code as neighbour_code
    from link
    cross join lateral (values (link.dossier_code), (link.other_code)) as own (code)
),

naming as (
    select distinct
        code,
        code as dossier_group,
        0 as round,
        true as has_changed
    from neighbour
    union all
    select
        code,
        dossier_group,
        round,
        bool_or(is_renamed) over () as has_changed
    from (
        select distinct
            neighbour.neighbour_code as code,
            naming.round + 1 as round,
            min(naming.dossier_group) over heard as dossier_group,
            min(naming.dossier_group) over heard <> min(
                case when naming.code = neighbour.neighbour_code then naming.dossier_group end
            ) over heard as is_renamed
        from naming
        inner join neighbour on naming.code = neighbour.code
        where naming.has_changed
        window heard as (partition by neighbour.neighbour_code)
    ) as heard_names
)

select
    code as dossier_code,
    dossier_group
from naming
where round = (select max(earlier.round) from naming as earlier)
