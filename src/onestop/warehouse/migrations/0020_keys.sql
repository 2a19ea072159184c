-- Rotation of keys, and erasure: which keys the stored hashes were made with, and what was removed of whom.

create table ops.hash_key (
    key_number int primary key check (key_number > 0),
    key_id text not null unique,
    in_force_since timestamptz not null default now()
);
comment on table ops.hash_key is 'The chain of keys that the stored hashes were made with, oldest first. A name of a key does not reveal it.';

create table ops.erasure (
    erasure_id bigint generated always as identity primary key,
    erased_at timestamptz not null default clock_timestamp(),
    subject text not null,
    by_whom text not null check (by_whom <> ''),
    reason text not null check (reason <> ''),
    place text not null,
    found int not null,
    removed int not null,
    proof text not null
);
comment on table ops.erasure is 'What was removed where, a row per place. Append-only; holds nothing of the person.';
comment on column ops.erasure.subject is 'A dossier''s code, or the first digits of the keyed hash of an identity number.';
comment on column ops.erasure.proof is 'Of files: SHA-256 before and after; of tables: the numbers of their rows.';
create trigger append_only before update or delete on ops.erasure for each row execute function ops.keep_audit();
create trigger append_only_whole before truncate on ops.erasure for each statement execute function ops.keep_audit();
create or replace function ops.keep_audit() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as
$$ begin raise exception 'ops.% is append-only: % is refused', tg_table_name, lower(tg_op); end $$;

create function ops.audit_erasure() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    insert into ops.audit (action, object, by_whom, reason)
    select 'erased', format('%s: %s', subject, string_agg(format('%s %s', removed, place), ', ' order by place)), by_whom, reason
    from added group by subject, by_whom, reason;
    return null;
end $$;
create trigger audited after insert on ops.erasure referencing new table as added
for each statement execute function ops.audit_erasure();
