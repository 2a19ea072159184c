-- Units speak first: what each unit was asked about its figures in a draft, what it answered, what the province replied.
-- The log is append-only and open while the edition is a draft; approving copies it into the edition's frozen contents.

create table published.unit_statement (
    statement_id bigint generated always as identity primary key,
    period_convention text not null, period text not null, version int not null,
    agency_code text not null check (agency_code <> ''),
    kind text not null check (kind in ('asked', 'confirmed', 'contested', 'replied')),
    shown text not null check (shown ~ '^[0-9a-f]{64}$'),
    answers bigint,
    column_name text,
    dossier_codes text[] not null default '{}',
    words text,
    deadline timestamptz,
    by_whom text not null check (by_whom <> ''),
    happened_at timestamptz not null,
    file_sha256 text check (file_sha256 ~ '^[0-9a-f]{64}$'),
    check ((kind = 'asked') = (deadline is not null)),
    check ((kind = 'replied') = (answers is not null)),
    check ((kind in ('confirmed', 'contested')) = (file_sha256 is not null)),
    check (kind not in ('contested', 'replied') or words <> '')
);
comment on table published.unit_statement is 'What units were asked, answered, and were replied, per draft edition. Append-only.';
comment on column published.unit_statement.shown is 'SHA-256 of the unit''s figures that it speaks of: a confirmation of other figures is none.';
comment on column published.unit_statement.column_name is 'Of a contested figure: the column of form II.06a; null: none in particular.';
comment on column published.unit_statement.answers is 'Of a reply: the contested statement.';
create index on published.unit_statement (period_convention, period, version, agency_code, statement_id);

create function published.keep_statements() returns trigger language plpgsql as $$
begin
    if (
        select status from published.edition
        where (period_convention, period, version) = (new.period_convention, new.period, new.version)
    ) is distinct from 'draft' then
        raise exception 'edition % of %:% is no draft: units speak before it is approved',
            new.version, new.period_convention, new.period;
    end if;
    -- No foreign key: it would want the right to lock, which append-only tables do not give.
    if new.answers is not null and not exists (
        select from published.unit_statement as contested
        where (contested.statement_id, contested.kind, contested.agency_code)
            = (new.answers, 'contested', new.agency_code)
    ) then
        raise exception 'statement % is no contested figure of %', new.answers, new.agency_code;
    end if;
    return new;
end $$;
create trigger in_time before insert on published.unit_statement
for each row execute function published.keep_statements();
create trigger append_only before update or delete on published.unit_statement
for each row execute function published.append_only();
create trigger append_only_whole before truncate on published.unit_statement
for each statement execute function published.append_only();
revoke update, delete, truncate on published.unit_statement from current_user;

create table published.unit_answer (
    edition_id bigint not null,
    statement_id bigint not null, agency_code text not null, kind text not null, shown text not null, answers bigint,
    column_name text, dossier_codes text[] not null, words text, deadline timestamptz, by_whom text not null,
    happened_at timestamptz not null, file_sha256 text,
    primary key (edition_id, statement_id)
);
comment on table published.unit_answer is 'The statements of published.unit_statement as they stood when the edition was approved.';
create trigger frozen_insert after insert on published.unit_answer referencing new table as added
for each statement execute function published.keep_frozen();
create trigger frozen_delete after delete on published.unit_answer referencing old table as removed
for each statement execute function published.keep_frozen();
create trigger frozen_update before update on published.unit_answer
for each statement execute function published.keep_frozen();
create trigger frozen_truncate before truncate on published.unit_answer
for each statement execute function published.keep_frozen();
revoke update, truncate on published.unit_answer from current_user;
