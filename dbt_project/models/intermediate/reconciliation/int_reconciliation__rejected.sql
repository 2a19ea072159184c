-- The dossiers of which a row lies open in quarantine, under either of its codes, and on which side; is_changed: it was
-- otherwise in the build before. Those of which none lies there any more stand here once more, as rejected on no side.
with

refused as (
    select
        coalesce(link.dossier_group, named.code) as dossier_group,
        bool_or(origin.source_kind = 'portal_export') as is_rejected_there,
        bool_or(origin.source_kind <> 'portal_export') as is_rejected_here
    from {{ ref('int_quarantine__open') }} as row_
    inner join {{ ref('stg_platform__source') }} as origin on row_.source_id = origin.source_id
    cross join lateral (values (row_.record_code), (row_.other_code)) as named (code)
    left join {{ ref('int_dossier__link') }} as link on named.code = link.dossier_code
    where row_.entity = 'dossier' and named.code is not null
    group by coalesce(link.dossier_group, named.code)
)

{% if follows_change() -%}
    select
        dossier_group,
        coalesce(refused.is_rejected_there, false) as is_rejected_there,
        coalesce(refused.is_rejected_here, false) as is_rejected_here,
        (refused.is_rejected_there is distinct from before.is_rejected_there)
        or (refused.is_rejected_here is distinct from before.is_rejected_here) as is_changed
    from refused
    full join (
        select *
        from {{ this }}
        where is_rejected_there or is_rejected_here
    ) as before using (dossier_group)
{%- else -%}
    select
        *,
        true as is_changed
    from refused
{%- endif %}
