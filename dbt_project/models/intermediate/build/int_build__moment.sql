-- The one moment that a build speaks of. Every later model reads it here, so that layers built one by one agree.
select
    moment.known_at,
    cast(moment.known_at at time zone '{{ var("timezone") }}' as date) as known_on
from (
    select cast('{{ var("known_at", env_var("ONESTOP_KNOWN_AT", "now")) }}' as timestamptz) as known_at
) as moment
