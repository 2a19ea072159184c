-- Who may do what. It stands in onestop/warehouse/rights.yml; after the migrations onestop makes the roles that it names, where
-- the owner may, and copies it into ops.declared_right. dbt asks for it again for every table that it makes anew.

create table ops.declared_right (
    schema_name text not null,
    table_name text not null,
    role_name text not null,
    privileges text[] not null,
    unit_column text,
    primary key (schema_name, table_name, role_name)
);
comment on table ops.declared_right is 'What rights.yml declares. Table * stands for the tables of the schema without rows of their own.';
comment on column ops.declared_right.unit_column is 'Of bi_agency: the column that says whose a row is; null: all rows.';

create table ops.declaration (
    is_only_row boolean primary key default true check (is_only_row),
    sha256 text not null,
    has_roles boolean not null
);
comment on table ops.declaration is 'Which rights.yml was applied, and whether this database has the roles.';

create table ops.bi_login (
    login name primary key,
    agency_code text not null
);
comment on table ops.bi_login is 'The unit of each login role of a unit. A login without a row sees no row.';

create function ops.has_roles() returns boolean language sql stable set search_path = pg_catalog, pg_temp as $$
    select
        coalesce((select has_roles from ops.declaration), false)
        and 6 = (
            select count(*) from pg_roles where rolname in (
                'onestop_loader', 'onestop_transformer', 'onestop_publisher', 'onestop_auditor', 'bi_reader', 'bi_agency'
            )
        )
$$;
comment on function ops.has_roles is 'Whether rights are kept by roles here.';

-- The units of who logged in: its own and what lies under it today, those among them that have merged. By session_user,
-- which no setting and no view changes. Asked once per query: policies have it in a sub-select.
create function ops.own_units() returns text[] language plpgsql stable security definer
set search_path = pg_catalog, pg_temp as $$
declare
    own text := (select agency_code from ops.bi_login where login = session_user);
begin
    if own is null then
        return '{}';
    end if;
    return own || array(
        select distinct path.agency_code from intermediate.int_agency__path as path
        where path.org_view = 'as_is' and own = any(path.chain)
    );
exception when undefined_table or invalid_schema_name then
    return array[own];
end $$;
comment on function ops.own_units is 'The codes whose rows a unit''s login may see; none for any other login.';

-- Brings one table to what is declared for it; changes nothing, and locks nothing, where that holds already.
create function ops.apply_rights(target regclass) returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    place record;
    step record;
    kept text;
    guard text;
begin
    select
        schema.nspname as schema_name, relation.relname as table_name, relation.relkind as kind,
        relation.relrowsecurity as has_policies, relation.relowner as owner, relation.relacl as acl
    into place
    from pg_class as relation inner join pg_namespace as schema on relation.relnamespace = schema.oid
    where relation.oid = target;
    if not ops.has_roles() or not exists (select from ops.declared_right where schema_name = place.schema_name) then
        return;
    end if;
    select coalesce(max(table_name), '*') into kept from ops.declared_right
    where schema_name = place.schema_name and table_name = place.table_name;

    for step in
        with
        declared as (
            select (select oid from pg_roles where rolname = role_name) as grantee, unnest(privileges) as privilege
            from ops.declared_right where schema_name = place.schema_name and table_name = kept
        ),
        granted as (
            select grantee, lower(privilege_type) as privilege from aclexplode(place.acl) where grantee <> place.owner
        )
        select
            coalesce(declared.privilege, granted.privilege) as privilege,
            coalesce(declared.grantee, granted.grantee) as grantee,
            granted.grantee is null as is_missing
        from declared full join granted on declared.grantee = granted.grantee and declared.privilege = granted.privilege
        where (declared.grantee is null or granted.grantee is null) and coalesce(declared.grantee, -1) <> place.owner
    loop
        execute format(
            case when step.is_missing then 'grant %s on %s to %s' else 'revoke %s on %s from %s' end,
            step.privilege, target, case step.grantee when 0 then 'public' else step.grantee::regrole::text end
        );
    end loop;

    if place.kind not in ('r', 'p') then
        return;
    end if;
    select unit_column into guard from ops.declared_right
    where schema_name = place.schema_name and table_name = kept and role_name = 'bi_agency';
    if place.has_policies and exists (
        select from pg_policy
        where polrelid = target and polname = 'own_unit'
        and pg_get_expr(polqual, polrelid) like format('(%I = ANY (%%', guard)
    ) then
        return;
    end if;
    if place.has_policies then
        execute format('drop policy if exists own_unit on %s', target);
        execute format('drop policy if exists every_row on %s', target);
    end if;
    if guard is null and place.has_policies then
        execute format('alter table %s disable row level security', target);
    elsif guard is not null then
        -- A table of an older version without that column shows a unit nothing until it is built again.
        if exists (select from pg_attribute where attrelid = target and attname = guard and not attisdropped) then
            execute format(
                'create policy own_unit on %s for select to bi_agency using (%I = any ((select ops.own_units())::text[]))',
                target, guard
            );
        end if;
        execute format(
            'create policy every_row on %s to onestop_loader, onestop_transformer, onestop_publisher, onestop_auditor,'
            ' bi_reader using (true) with check (true)', target
        );
        execute format('alter table %s enable row level security', target);
    end if;
end $$;
comment on function ops.apply_rights is 'Gives a table the rights and policies that are declared for it.';

-- The database itself: who may come in, and who may make what in it. A copy of a database does not have these.
create function ops.apply_database_rights() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if not ops.has_roles() then
        return;
    end if;
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect on database %I to onestop_loader, onestop_transformer, onestop_publisher, onestop_auditor,'
        ' bi_reader, bi_agency', current_database()
    );
    execute format(
        'grant temporary on database %I to onestop_loader, onestop_transformer, onestop_publisher', current_database()
    );
    -- What was known at a past moment is built in schemas of its own.
    execute format('grant create on database %I to onestop_transformer', current_database());
end $$;
comment on function ops.apply_database_rights is 'Gives the roles their rights on the database; everybody else has none.';

-- All of it: the database, schemas and who owns them, sequences, functions, and every table that is there.
create function ops.apply_all_rights() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    built constant text[] := array['staging', 'intermediate', 'mart', 'report'];
    step record;
    statement text;
begin
    if not ops.has_roles() then
        return;
    end if;
    perform ops.apply_database_rights();
    if has_schema_privilege('public', 'public', 'create') then
        begin
            revoke create on schema public from public;
        exception when insufficient_privilege then
            raise warning 'everybody may make tables in the schema public: its owner can revoke it';
        end;
    end if;
    for step in select oid, nspname, nspowner from pg_namespace where nspname = any(built) loop
        if step.nspowner::regrole::text <> 'onestop_transformer' then
            execute format('alter schema %I owner to onestop_transformer', step.nspname);
        end if;
    end loop;
    for step in
        select relation.oid::regclass as name from pg_class as relation
        where relation.relnamespace::regnamespace::text = any(built) and relation.relkind in ('r', 'p', 'v')
        and relation.relowner <> 'onestop_transformer'::regrole
    loop
        execute format('alter table %s owner to onestop_transformer', step.name);
    end loop;
    for step in select distinct schema_name, role_name from ops.declared_right where privileges <> '{}' loop
        if exists (select from pg_namespace where nspname = step.schema_name and nspowner::regrole::text <> step.role_name) then
            execute format('grant usage on schema %I to %I', step.schema_name, step.role_name);
        end if;
    end loop;
    -- What dbt makes has from its first moment what is declared for all tables of its schema.
    for step in
        select
            one.schema_name, rolname as role_name, coalesce((
                select array_to_string(privileges, ', ') from ops.declared_right
                where declared_right.schema_name = one.schema_name and table_name = '*' and role_name = rolname
            ), '') as privileges
        from unnest(built) as one (schema_name)
        cross join pg_roles
        where rolname in ('onestop_loader', 'onestop_publisher', 'onestop_auditor', 'bi_reader', 'bi_agency')
    loop
        statement := format('alter default privileges for role onestop_transformer in schema %I ', step.schema_name);
        execute statement || format('revoke all on tables from %I', step.role_name);
        if step.privileges <> '' then
            execute statement || format('grant %s on tables to %I', step.privileges, step.role_name);
        end if;
    end loop;
    -- Numbers of rows are taken by who may add some.
    for step in
        select distinct schema_name, role_name from ops.declared_right
        where 'insert' = any(privileges) and schema_name <> all(built)
    loop
        execute format('grant usage, select on all sequences in schema %I to %I', step.schema_name, step.role_name);
    end loop;
    for step in
        select oid::regprocedure as name from pg_proc
        where pronamespace::regnamespace::text in ('ops', 'quarantine', 'published')
    loop
        execute format('revoke all on function %s from public', step.name);
    end loop;
    grant execute on function ops.has_roles() to onestop_loader, onestop_transformer, onestop_publisher, onestop_auditor;
    grant execute on function ops.apply_rights(regclass) to onestop_transformer;
    grant execute on function ops.own_units() to bi_agency;
    grant execute on function published.look_at_drafts() to onestop_publisher;
    for step in
        select relation.oid::regclass as name from pg_class as relation
        where
            relation.relkind in ('r', 'p', 'v')
            and relation.relnamespace::regnamespace::text in (select schema_name from ops.declared_right)
    loop
        perform ops.apply_rights(step.name);
    end loop;
end $$;
comment on function ops.apply_all_rights is 'Brings the whole database to what is declared; for its owner.';

-- Statistics of a table are its owner's to take; whoever drafts an edition needs them at once.
create function published.look_at_drafts() returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    analyze published.quarterly_metric;
    analyze published.dossier;
    analyze published.counting;
    analyze published.place;
    analyze published.item;
end $$;
comment on function published.look_at_drafts is 'Takes the statistics of what a draft has just written.';

-- Who did what: written by triggers where the deed itself is written, so that none goes without; append-only.
create table ops.audit (
    audit_id bigint generated always as identity primary key,
    happened_at timestamptz not null default clock_timestamp(),
    action text not null,
    object text not null,
    by_whom text not null,
    reason text,
    login text not null default session_user,
    acting_as text not null default current_setting('role')
);
comment on table ops.audit is 'Who drafted, approved, refused, published, replayed, dismissed, reopened, or made and removed a login. Append-only.';
comment on column ops.audit.by_whom is 'The person as named to the command.';
comment on column ops.audit.login is 'The role that had logged in to the database: what nobody can say otherwise.';
comment on column ops.audit.acting_as is 'The role that it had taken on; none: none.';

create function ops.keep_audit() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as
$$ begin raise exception 'ops.audit is append-only: % is refused', lower(tg_op); end $$;
create trigger append_only before update or delete on ops.audit for each row execute function ops.keep_audit();
create trigger append_only_whole before truncate on ops.audit for each statement execute function ops.keep_audit();

create function ops.audit_edition() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    insert into ops.audit (action, object, by_whom, reason) values (
        'edition ' || new.event, format('%s:%s, edition %s', new.period_convention, new.period, new.version),
        new.by_whom, new.reason
    );
    return null;
end $$;
create trigger audited after insert on published.event for each row execute function ops.audit_edition();

create function ops.audit_quarantine() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    insert into ops.audit (action, object, by_whom, reason)
    select 'rows ' || event, format('%s: %s', count(*), string_agg(rejected_id::text, ' ' order by rejected_id)), by_whom, reason
    from added where event in ('replayed', 'dismissed', 'reopened') group by event, by_whom, reason;
    return null;
end $$;
create trigger audited after insert on quarantine.row_event referencing new table as added
for each statement execute function ops.audit_quarantine();
