{{ config(indexes=[{'columns': ['kind', 'agency_code']}]) }}

-- What is worth asking an office about, with the evidence: questions, not verdicts. Nothing here says that somebody did
-- wrong; every pattern has innocent explanations, and the unit is the one who knows them.
with

asked as (
    {%- for kind in ['last_minute', 'reentered', 'mass_change', 'rating_burst'] %}
    select
        '{{ kind }}' as kind,
        agency_code,
        day,
        dossier_code,
        score,
        evidence
    from {{ ref('int_question__' ~ kind) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    asked.kind,
    asked.agency_code,
    asked.day,
    cast(extract(year from asked.day) as int) || '-Q' || extract(quarter from asked.day) as calendar_quarter,
    asked.dossier_code,
    asked.score,
    asked.evidence,
    word.name_vi,
    word.question_vi
from asked
inner join {{ ref('question_kind') }} as word on asked.kind = word.kind
