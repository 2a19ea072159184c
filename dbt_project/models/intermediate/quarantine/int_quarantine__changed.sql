-- Of each uncertain dossier all that says what it could be, as one number, and whether it is another one than in the
-- build before or a dossier that counts was made anew. One that is uncertain no more stands here once more, without it.
with

said as (
    select
        about.dossier_key,
        sum(about.print) as print
    from (
        select
            dossier_key,
            hash_record_extended(uncertain, 1) as print
        from {{ ref('int_quarantine__uncertain') }} as uncertain
        union all
        select
            dossier_key,
            hash_record_extended(counted, 2) as print
        from {{ ref('int_quarantine__counted') }} as counted
        union all
        select
            counted.dossier_key,
            hash_record_extended(row(witness.entity, witness.may_be_for, witness.may_be_against), 3) as print
        from {{ ref('int_quarantine__counted') }} as counted
        inner join {{ ref('int_quarantine__witness') }} as witness on counted.dossier_code = witness.dossier_code
    ) as about
    group by about.dossier_key
),

-- A new month has its place beside every dossier.
every_period as (
    select sum(hash_record_extended(row(period_id, period_from, period_to), 4)) as print
    from {{ ref('int_period__period') }}
),

made as (
    select
        said.dossier_key,
        said.print + every_period.print as print
    from said
    cross join every_period
)

{% if follows_change() -%}
    select
        dossier_key,
        made.print,
        coalesce(made.print <> before.print, true)
        or dossier_key in (
            select counted.dossier_key
            from {{ ref('int_quarantine__counted') }} as counted
            inner join {{ ref('int_dossier__changed') }} as changed on counted.dossier_code = changed.dossier_code
        ) as is_changed
    from made
    full join (
        select
            dossier_key,
            print
        from {{ this }}
        where print is not null
    ) as before using (dossier_key)
{%- else -%}
    select
        dossier_key,
        print,
        true as is_changed
    from made
{%- endif %}
