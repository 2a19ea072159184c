-- The one moment that a build speaks of. Every later model reads it here, so that layers built one by one agree.
-- build_number goes up from one build to the next that follows it, and is 1 again after a whole build: what another
-- table says of a build number, it says of the build that changed it.
select
    moment.known_at,
    cast(moment.known_at at time zone '{{ var("timezone") }}' as date) as known_on,
    before.build_number + 1 as build_number,
    before.known_on as previous_known_on
from (
    select cast('{{ var("known_at", env_var("ONESTOP_KNOWN_AT", "now")) }}' as timestamptz) as known_at
) as moment
cross join
    {% if follows_change() %}
        {{ this }} as before
    {%- else %}
        (values (0, cast(null as date))) as before (build_number, known_on)
    {%- endif %}
