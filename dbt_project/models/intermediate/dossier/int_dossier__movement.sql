-- What this build changes in what is added up: the dossiers that are no more what they were (sign -1) and what they are
-- now (sign 1). Codes that were looked at and found as before move nothing. In a whole build there is nothing to move.
{% if not follows_change() %}
    select
        1 as sign,
        measured.* -- noqa: AM04
    from {{ ref('int_dossier__measured') }} as measured
    where false
{% else %}
    with

    was as (
        select measure.* -- noqa: AM04
        from {{ as_built_before('int_dossier__measure') }} as measure
        where measure.dossier_code = {{ changed_codes() }}
    ),

    now_is as (
        select measured.* -- noqa: AM04
        from {{ ref('int_dossier__measured') }} as measured
        where measured.dossier_code = {{ changed_codes() }}
    )

    select
        -1 as sign,
        was.* -- noqa: AM04
    from was
    left join now_is on was.dossier_code = now_is.dossier_code
    where was is distinct from now_is
    union all
    select
        1 as sign,
        now_is.* -- noqa: AM04
    from now_is
    left join was on now_is.dossier_code = was.dossier_code
    where now_is is distinct from was
{% endif %}
