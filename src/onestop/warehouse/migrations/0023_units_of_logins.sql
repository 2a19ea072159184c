-- The units of a login are looked up where they may change: when the tree is built, and when the login is made. Policies ask for
-- them in every query; of a query that takes a tenth of a millisecond, the look into the tree was more than half.

alter table ops.bi_login add column units text[] not null default '{}';
comment on column ops.bi_login.units is 'The unit and what lies under it in the tree of the newest build, those among them that have merged.';

create function ops.units_under(own text) returns text[] language plpgsql stable
set search_path = pg_catalog, pg_temp as $$
begin
    return own || array(
        select distinct path.agency_code from intermediate.int_agency__path as path
        where path.org_view = 'as_is' and own = any(path.chain)
    );
exception when undefined_table or invalid_schema_name then
    return array[own];
end $$;
comment on function ops.units_under is 'A unit and what lies under it today.';

-- dbt asks for it in the transaction that puts a new tree in its place.
create function ops.look_up_units() returns void language sql security definer
set search_path = pg_catalog, pg_temp as $$
    update ops.bi_login set units = ops.units_under(agency_code)
$$;
comment on function ops.look_up_units is 'Brings the units of all logins to the tree as it is.';

create function ops.units_of_login() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    new.units := ops.units_under(new.agency_code);
    return new;
end $$;
create trigger has_units before insert on ops.bi_login for each row execute function ops.units_of_login();

create or replace function ops.own_units() returns text[] language plpgsql stable security definer
set search_path = pg_catalog, pg_temp as $$
begin
    return coalesce((select units from ops.bi_login where login = session_user), '{}');
end $$;

revoke all on function ops.units_under(text), ops.look_up_units(), ops.units_of_login() from public;
select ops.look_up_units();
