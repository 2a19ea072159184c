-- Editions of a published quarter: what an office signed, frozen. docs/editions.md says what each table holds and how its
-- hash is made; docs/adr/0007-editions.md why. Contents are written while an edition is a draft and never again.

create table published.edition (
    edition_id bigint generated always as identity primary key,
    period_convention text not null check (period_convention in ('statutory', 'calendar')),
    period text not null,
    version int not null check (version > 0),
    status text not null check (status in ('draft', 'approved', 'published', 'superseded')),
    known_at timestamptz not null,
    approved_by text check (approved_by <> ''),
    published_at timestamptz,
    reason text,
    sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
    previous_sha256 text check (previous_sha256 ~ '^[0-9a-f]{64}$'),
    reason_code text check (
        reason_code in (
            'late_arrival', 'correction', 'quarantine_release', 'reorganisation', 'rule_change', 'reference_change', 'other'
        )
    ),
    period_from date not null,
    period_to date not null,
    is_preliminary boolean not null,
    drafted_at timestamptz not null,
    drafted_by text not null check (drafted_by <> ''),
    approved_at timestamptz,
    published_by text check (published_by <> ''),
    superseded_at timestamptz,
    code_version text not null,
    manifest text,
    unique (period_convention, period, version),
    check ((version = 1) = (reason is null)),
    check ((status = 'draft') = (sha256 is null)),
    check ((sha256 is null) = (manifest is null) and (sha256 is null) = (approved_by is null)),
    check ((status in ('published', 'superseded')) = (published_at is not null))
);
comment on table published.edition is 'One row per edition of a period. From approved on its contents are frozen; a later truth is a new edition.';
comment on column published.edition.known_at is 'The moment whose knowledge the figures have.';
comment on column published.edition.reason is 'Of a restatement: why, in words; none for the first edition.';
comment on column published.edition.sha256 is 'SHA-256 of the manifest; null while a draft.';
comment on column published.edition.previous_sha256 is 'sha256 of the edition before of the same period: the chain. Null for the first.';
comment on column published.edition.manifest is 'What was approved, as canonical JSON: the edition''s own facts, and rows and hash of each table of its contents.';
create unique index edition_one_draft on published.edition (period_convention, period) where status = 'draft';
create unique index edition_one_published on published.edition (period_convention, period) where status = 'published';

create table published.quarterly_metric (
    edition_id bigint not null,
    period_convention text not null, period text not null, period_from date not null, period_to date not null,
    org_view text not null, agency_code text not null, agency_level text, field_code text not null,
    metric_code text not null, numerator numeric, denominator numeric, value numeric, metric_version int not null,
    primary key (edition_id, org_view, agency_code, field_code, metric_code)
);
comment on table published.quarterly_metric is 'The figures of every edition, as mart.quarterly_metric had them when it was drafted.';

create table published.form_ii_06a (
    edition_id bigint not null,
    period_convention text not null, period text not null, period_from date not null, period_to date not null,
    org_view text not null, agency_code text not null, agency_name_vi text not null,
    received_total bigint not null, received_online bigint not null, received_direct_postal bigint not null,
    received_carried_over bigint not null, resolved_total bigint not null, resolved_early bigint not null,
    resolved_on_time bigint not null, resolved_overdue bigint not null, in_progress_total bigint not null,
    in_progress_within bigint not null, in_progress_overdue bigint not null,
    primary key (edition_id, org_view, agency_code)
);
comment on table published.form_ii_06a is 'Form II.06a of every edition, as in report.form_ii_06a.';

create table published.form_ii_06a_field (
    edition_id bigint not null,
    period_convention text not null, period text not null, period_from date not null, period_to date not null,
    org_view text not null, agency_code text not null, agency_name_vi text not null,
    field_code text not null, field_name_vi text not null,
    received_total bigint not null, received_online bigint not null, received_direct_postal bigint not null,
    received_carried_over bigint not null, resolved_total bigint not null, resolved_early bigint not null,
    resolved_on_time bigint not null, resolved_overdue bigint not null, in_progress_total bigint not null,
    in_progress_within bigint not null, in_progress_overdue bigint not null,
    primary key (edition_id, org_view, agency_code, field_code)
);
comment on table published.form_ii_06a_field is 'Form II.06a by field of every edition, as in report.form_ii_06a_field.';

create table published.score_766_part (
    edition_id bigint not null,
    org_view text not null, agency_code text not null, field_code text not null,
    score_code text not null, part_code text not null, part_name_vi text not null, part_name_en text not null,
    points numeric, maximum numeric not null, numerator numeric, denominator numeric, reason text,
    primary key (edition_id, org_view, agency_code, field_code, score_code, part_code)
);
comment on table published.score_766_part is 'The parts of the Decision 766 scores of every edition.';

create table published.metric_rule (
    edition_id bigint not null,
    metric_code text not null, metric_version int not null, metric_name_vi text not null, metric_name_en text not null,
    unit text not null, numerator text not null, denominator text, legal_basis text not null, family text not null,
    primary key (edition_id, metric_code)
);
comment on table published.metric_rule is 'The metrics'' rules in words, as they stood in the registry when the edition was drafted.';

create table published.place (
    edition_id bigint not null,
    place_id int not null, agency_code text not null, received_from date not null, received_to date not null,
    chain_as_was text[] not null, chain_as_is text[] not null,
    primary key (edition_id, place_id)
);
comment on table published.place is 'Units and spans of receipt days, with the units above each in both views: where a dossier''s figures belong.';

create table published.counting (
    edition_id bigint not null,
    counting_id int not null, numerators text[] not null, denominators text[] not null,
    primary key (edition_id, counting_id)
);
comment on table published.counting is 'The different ways in which dossiers count: the metrics whose numerator and denominator they stand in.';

create table published.dossier (
    edition_id bigint not null,
    dossier_code text not null, source_id text not null, batch_id bigint not null, row_number int not null,
    place_id int not null, field_code text not null, procedure_code text not null, received_on date not null,
    due_on date, finished_on date, status smallint not null, processing_working_days int, counting_id int not null,
    primary key (edition_id, dossier_code)
);
comment on table published.dossier is 'The dossiers behind the figures, codes and dates only: one row per dossier that the period shows.';

create table published.item (
    edition_id bigint not null,
    metric_code text not null, org_view text not null, item_kind text not null, item_code text not null,
    source_id text not null, batch_id bigint, row_number int, chain text[] not null,
    numerator numeric, denominator numeric
);
comment on table published.item is 'What figures count other than dossiers: feedback cases, procedures, communes, rows of reference files.';
create index on published.item (edition_id, metric_code);

create table published.input (
    edition_id bigint not null,
    batch_id bigint not null, source_id text not null, entity text not null, origin text not null, sha256 text,
    accepted bigint not null, accepted_at timestamptz not null,
    primary key (edition_id, batch_id)
);
comment on table published.input is 'The batches that were known at the edition''s known_at.';

create table published.moved (
    edition_id bigint not null,
    item_kind text not null, item_code text not null,
    reason_code text not null check (
        reason_code in (
            'late_arrival', 'correction', 'quarantine_release', 'reorganisation', 'rule_change', 'reference_change'
        )
    ),
    change text not null check (change in ('entered', 'left', 'changed')),
    agency_code_before text, agency_code_after text,
    batch_id_before bigint, batch_id_after bigint,
    primary key (edition_id, item_kind, item_code)
);
comment on table published.moved is 'Of a restatement: every dossier or item that counts otherwise than in the edition before, and why.';

create table published.report_figures (
    edition_id bigint primary key,
    figures text not null
);
comment on table published.report_figures is 'All that the products of the edition show, as JSON; they are rendered from this row alone.';

create table published.content (
    edition_id bigint not null,
    table_name text not null, row_count bigint not null, sha256 text not null, row_checks bytea not null,
    primary key (edition_id, table_name)
);
comment on table published.content is 'Per table of an approved edition: its rows, their hash, and eight bytes of each row''s own hash, so that a changed row can be named.';

create table published.product (
    edition_id bigint not null,
    file_name text not null, sha256 text not null, renderer text not null, bytes bytea not null,
    primary key (edition_id, file_name)
);
comment on table published.product is 'The files of a published edition: these bytes are the product.';
comment on column published.product.renderer is 'The program that rendered it: the same one renders the same bytes again.';

create table published.event (
    event_id bigint generated always as identity primary key,
    period_convention text not null, period text not null, version int not null,
    event text not null check (event in ('drafted', 'approved', 'refused', 'published', 'superseded')),
    by_whom text not null check (by_whom <> ''),
    happened_at timestamptz not null,
    reason text, details text,
    sha256 text not null, previous_sha256 text
);
comment on table published.event is 'Who did what with which edition, when and why. Append-only, each row chained to the one before of its period.';
create index on published.event (period_convention, period, event_id);

-- Contents: written while the edition is a draft, deleted only with it, changed never.
create function published.keep_frozen() returns trigger language plpgsql as $$
declare
    frozen bigint;
begin
    if tg_op = 'TRUNCATE' or tg_op = 'UPDATE' then
        raise exception 'published.% is frozen: % is refused', tg_table_name, lower(tg_op)
            using hint = 'a later truth is a new edition: onestop quarter restate';
    elsif tg_op = 'INSERT' then
        select touched.edition_id into frozen
        from (select distinct edition_id from added) as touched
        left join published.edition on edition.edition_id = touched.edition_id
        where edition.status is distinct from 'draft' limit 1;
    else
        select touched.edition_id into frozen
        from (select distinct edition_id from removed) as touched
        left join published.edition on edition.edition_id = touched.edition_id
        where edition.status is distinct from 'draft' limit 1;
    end if;
    if frozen is not null then
        raise exception 'published.% is frozen for edition %: % is refused', tg_table_name, frozen, lower(tg_op)
            using hint = 'a later truth is a new edition: onestop quarter restate';
    end if;
    return null;
end $$;

do $$
declare
    content text;
begin
    foreach content in array array[
        'quarterly_metric', 'form_ii_06a', 'form_ii_06a_field', 'score_766_part', 'metric_rule', 'place', 'counting',
        'dossier', 'item', 'input', 'moved', 'report_figures', 'content'
    ] loop
        execute format('create trigger frozen_insert after insert on published.%I referencing new table as added'
            ' for each statement execute function published.keep_frozen()', content);
        execute format('create trigger frozen_delete after delete on published.%I referencing old table as removed'
            ' for each statement execute function published.keep_frozen()', content);
        execute format('create trigger frozen_update before update on published.%I'
            ' for each statement execute function published.keep_frozen()', content);
        execute format('create trigger frozen_truncate before truncate on published.%I'
            ' for each statement execute function published.keep_frozen()', content);
        execute format('revoke update, truncate on published.%I from current_user', content);
    end loop;
end $$;

-- Products come with publishing, once; events only ever come.
create function published.append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if (select status from published.edition where edition_id = new.edition_id) is distinct from 'approved' then
            raise exception 'published.product is frozen: a product belongs to an edition that is about to be published';
        end if;
        return new;
    end if;
    raise exception 'published.% is append-only: % is refused', tg_table_name, lower(tg_op);
end $$;
create trigger append_only before insert or update or delete on published.product
for each row execute function published.append_only();
create trigger append_only before update or delete on published.event
for each row execute function published.append_only();
create trigger append_only_whole before truncate on published.product
for each statement execute function published.append_only();
create trigger append_only_whole before truncate on published.event
for each statement execute function published.append_only();
revoke update, delete, truncate on published.product, published.event from current_user;

-- The life of an edition: draft -> approved -> published -> superseded; each step may set its own columns and no other.
create function published.keep_order() returns trigger language plpgsql as $$
declare
    may_change text[];
    before_it published.edition;
begin
    if tg_op = 'TRUNCATE' then
        raise exception 'published.edition is frozen: truncate is refused';
    elsif tg_op = 'DELETE' then
        if old.status <> 'draft' then
            raise exception 'edition % is %: it stays', old.edition_id, old.status;
        end if;
        return old;
    elsif tg_op = 'INSERT' then
        select * into before_it from published.edition
        where period_convention = new.period_convention and period = new.period order by version desc limit 1;
        if new.status <> 'draft' or new.version <> coalesce(before_it.version, 0) + 1 or before_it.status = 'draft' then
            raise exception 'an edition begins as the one draft of its period, with the next version';
        end if;
        return new;
    end if;
    may_change := case old.status || ' -> ' || new.status
        when 'draft -> draft' then array['reason_code']
        when 'draft -> approved'
            then array['status', 'sha256', 'previous_sha256', 'manifest', 'approved_by', 'approved_at']
        when 'approved -> published' then array['status', 'published_by', 'published_at']
        when 'published -> superseded' then array['status', 'superseded_at']
    end;
    if may_change is null then
        raise exception 'an edition never goes from % to %', old.status, new.status;
    end if;
    if to_jsonb(new) - may_change is distinct from to_jsonb(old) - may_change then
        raise exception 'only % may change when an edition goes from % to %',
            array_to_string(may_change, ', '), old.status, new.status;
    end if;
    if new.status = 'approved' then
        select * into before_it from published.edition
        where period_convention = new.period_convention and period = new.period and version = new.version - 1;
        if new.previous_sha256 is distinct from before_it.sha256 then
            raise exception 'previous_sha256 must be the sha256 of version %', new.version - 1;
        end if;
    end if;
    return new;
end $$;
create trigger keep_order before insert or update or delete on published.edition
for each row execute function published.keep_order();
create trigger keep_order_whole before truncate on published.edition
for each statement execute function published.keep_order();
revoke truncate on published.edition from current_user;
