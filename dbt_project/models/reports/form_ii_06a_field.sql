{{ config(indexes=[{'columns': ['period_convention', 'period', 'org_view', 'agency_code', 'field_code'], 'unique': true}]) }}

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    cell.org_view,
    cell.agency_code,
    coalesce(label.agency_name_vi, cell.agency_code) as agency_name_vi,
    cell.field_code,
    field.field_name_vi,
    {%- for column in form_columns() %}
    cell.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_metric__unit_cell') }} as cell
inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
inner join {{ ref('dim_field') }} as field on cell.field_code = field.field_code
left join {{ ref('int_agency__label') }} as label
    on
        cell.period_id = label.period_id
        and cell.org_view = label.org_view
        and cell.agency_code = label.agency_code
where cell.field_code <> '*' and cell.received_total <> 0
