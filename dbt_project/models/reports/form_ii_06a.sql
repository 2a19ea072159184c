{{ config(indexes=[{'columns': ['period_convention', 'period', 'org_view', 'agency_code'], 'unique': true}]) }}

with

-- The province has its row in every period, even an empty one.
province as (
    select
        period.period_id,
        org_view,
        '{{ var("province_code") }}' as agency_code
    from {{ ref('int_period__period') }} as period
    cross join (values ('as_was'), ('as_is')) as view (org_view)
),

cell as (
    select *
    from {{ ref('int_metric__unit_cell') }}
    where field_code = '*' and received_total <> 0
)

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    org_view,
    agency_code,
    coalesce(label.agency_name_vi, agency_code) as agency_name_vi,
    {%- for column in form_columns() %}
    coalesce(cell.{{ column }}, 0) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from province
full join cell using (period_id, org_view, agency_code)
inner join {{ ref('int_period__period') }} as period using (period_id)
left join {{ ref('int_agency__label') }} as label using (period_id, org_view, agency_code)
