-- What went to whom: every attempt to deliver an edition (or a draft that units are asked about), and how it ended. The
-- reservation is committed before anything is sent; one without an end is an attempt of which nobody knows whether it arrived.

create table published.delivery (
    delivery_id bigint generated always as identity primary key,
    period_convention text not null, period text not null, version int not null, edition_id bigint not null,
    kind text not null check (kind in ('edition', 'draft')),
    recipient text not null check (recipient <> ''),
    agency_code text,
    channel text not null check (channel in ('mail', 'sftp', 'folder')),
    address text not null check (address <> ''),
    attempt int not null check (attempt > 0),
    state text not null check (state in ('reserved', 'sent', 'failed', 'bounced', 'unknown')),
    happened_at timestamptz not null,
    by_whom text not null check (by_whom <> ''),
    files text not null,
    head text check (head ~ '^[0-9a-f]{64}$'),
    message text,
    reason text,
    check ((kind = 'draft') = (head is null))
);
comment on table published.delivery is 'Attempts to deliver, append-only: a row when one is reserved, a row when it ended.';
comment on column published.delivery.agency_code is 'The unit whose part it is; null: all files of the edition.';
comment on column published.delivery.state is 'reserved: about to be sent. sent, failed, bounced (refused for good), unknown (the connection was lost while the other side had it all).';
comment on column published.delivery.files is 'The files'' names and SHA-256, as JSON.';
comment on column published.delivery.head is 'sha256 of the edition: the head of its chain, kept beside the chain itself.';
comment on column published.delivery.reason is 'Of a delivery that was sent again by hand: why.';
create unique index delivery_reserved_once on published.delivery (edition_id, recipient, channel, address, attempt)
where state = 'reserved';
create unique index delivery_ended_once on published.delivery (edition_id, recipient, channel, address, attempt)
where state <> 'reserved';
create index delivery_of_period on published.delivery (period_convention, period, delivery_id);

-- Only what is published is delivered under its own hash, and no attempt ends that was not reserved.
create function published.keep_deliveries() returns trigger language plpgsql as $$
declare
    served published.edition;
begin
    if new.state = 'reserved' then
        select * into served from published.edition where edition_id = new.edition_id;
        if new.kind = 'edition' and (served.status, served.sha256) is distinct from ('published', new.head) then
            raise exception 'edition % is not published under the hash %', new.edition_id, new.head;
        elsif new.kind = 'draft' and served.status is distinct from 'draft' then
            raise exception 'edition % is no draft', new.edition_id;
        end if;
    elsif not exists (
        select from published.delivery as begun
        where (begun.edition_id, begun.recipient, begun.channel, begun.address, begun.attempt, begun.state)
            = (new.edition_id, new.recipient, new.channel, new.address, new.attempt, 'reserved')
    ) then
        raise exception 'published.delivery: the attempt was not reserved';
    end if;
    return new;
end $$;
create trigger in_order before insert on published.delivery
for each row execute function published.keep_deliveries();
create trigger append_only before update or delete on published.delivery
for each row execute function published.append_only();
create trigger append_only_whole before truncate on published.delivery
for each statement execute function published.append_only();
revoke update, delete, truncate on published.delivery from current_user;
