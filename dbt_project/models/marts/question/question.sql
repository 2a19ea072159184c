{{ config(indexes=[{'columns': ['kind', 'agency_code', 'day', 'subject'], 'unique': true}]) }}

-- What is worth asking an office about, with the evidence: questions, not verdicts. Nothing here says that somebody did
-- wrong; every pattern has innocent explanations, and the unit is the one who knows them.
with

asked as (
    select
        'last_minute' as kind,
        agency_code,
        day,
        dossier_code,
        score,
        evidence
    from {{ ref('int_question__last_minute') }}
    union all
    select
        'reentered' as kind,
        agency_code,
        day,
        dossier_code,
        score,
        evidence
    from {{ ref('int_question__reentered') }}
    union all
    select
        'mass_change' as kind,
        agency_code,
        day,
        dossier_code,
        score,
        evidence
    from {{ ref('int_question__mass_change') }}
    union all
    select
        'rating_burst' as kind,
        agency_code,
        day,
        dossier_code,
        score,
        evidence
    from {{ ref('int_question__rating_burst') }}
)

select
    asked.kind,
    asked.agency_code,
    asked.day,
    cast(extract(year from asked.day) as int) || '-Q' || extract(quarter from asked.day) as calendar_quarter,
    coalesce(asked.dossier_code, asked.agency_code) as subject,
    asked.dossier_code,
    asked.score,
    asked.evidence,
    word.name_vi,
    word.question_vi
from asked
inner join {{ ref('question_kind') }} as word on asked.kind = word.kind
