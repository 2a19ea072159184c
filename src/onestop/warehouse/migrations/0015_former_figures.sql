-- Quarters that were published before the warehouse was: kept as they were printed, to compare with and to hold column 6 against.
-- Append-only; of one unit and period the newest import counts.

create table published.former_figure (
    import_id bigint generated always as identity,
    period_convention text not null,
    period text not null,
    period_from date not null,
    period_to date not null,
    agency_code text not null,
    received_total bigint not null,
    received_online bigint not null,
    received_direct_postal bigint not null,
    received_carried_over bigint not null,
    resolved_total bigint not null,
    resolved_early bigint not null,
    resolved_on_time bigint not null,
    resolved_overdue bigint not null,
    in_progress_total bigint not null,
    in_progress_within bigint not null,
    in_progress_overdue bigint not null,
    contradictions text [] not null,
    file_name text not null,
    file_sha256 text not null,
    imported_at timestamptz not null,
    imported_by text not null,
    primary key (import_id)
);
create index former_figure_period on published.former_figure (period_convention, period, agency_code, import_id);

comment on table published.former_figure is 'Form II.06a of former periods as it was printed; of a unit and period the newest import counts.';
comment on column published.former_figure.contradictions is 'Identities of the form that the printed figures break; kept as printed all the same.';

create function published.never_changed() returns trigger language plpgsql as $$
begin
    raise exception 'published.% is append-only: % is refused', tg_table_name, lower(tg_op)
        using hint = 'import the corrected file; the newest import counts';
end $$;
create trigger append_only before update or delete on published.former_figure
for each row execute function published.never_changed();
create trigger append_only_whole before truncate on published.former_figure
for each statement execute function published.never_changed();
revoke update, delete, truncate on published.former_figure from current_user;
