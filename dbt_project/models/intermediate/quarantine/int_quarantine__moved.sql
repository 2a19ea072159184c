-- The cells (period, view, unit, field) whose consequences are made anew: figures moved, or what is uncertain there.
with

-- What the dossiers of a site could be in a period, as a number.
said as (
    select
        possible.period_id,
        reach.site_key,
        sum(hash_record_extended(row(possible.*, uncertain.procedure_code), 1)) as print
    from {{ ref('int_quarantine__possible') }} as possible
    inner join {{ ref('int_quarantine__reach') }} as reach on possible.dossier_key = reach.dossier_key
    left join {{ ref('int_quarantine__uncertain') }} as uncertain on possible.dossier_key = uncertain.dossier_key
    group by possible.period_id, reach.site_key
),

shown as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        print
    from {{ ref('int_metric__moved') }}
    where print is not null
    union all
    select
        said.period_id,
        site.org_view,
        site.agency_code,
        site.field_code,
        hash_record_extended(row(said.print, site.may_be_here, site.is_here), 2) as print
    from said
    inner join {{ ref('int_quarantine__site') }} as site on said.site_key = site.site_key
    {%- for bound in ['feedback_cell', 'any_cell', 'commune_bound', 'fee_procedure_bound'] %}
        union all
        select
            period_id,
            org_view,
            agency_code,
            field_code,
            hash_record_extended(bound, {{ 2 + loop.index }}) as print
        from {{ ref('int_quarantine__' ~ bound) }} as bound
    {%- endfor %}
),

{{ moved_since('shown') }}
