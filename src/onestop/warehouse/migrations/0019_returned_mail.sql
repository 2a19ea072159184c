-- A mail server may take a letter and return it hours later. An attempt that ended as sent gets one row more then: returned.

alter table published.delivery drop constraint delivery_state_check;
alter table published.delivery add constraint delivery_state_check
check (state in ('reserved', 'sent', 'failed', 'bounced', 'unknown', 'returned'));
drop index published.delivery_ended_once;
create unique index delivery_ended_once on published.delivery (edition_id, recipient, channel, address, attempt)
where state not in ('reserved', 'returned');
create unique index delivery_returned_once on published.delivery (edition_id, recipient, channel, address, attempt)
where state = 'returned';
comment on column published.delivery.state is 'reserved: about to be sent. sent, failed, bounced (refused for good), unknown (the connection was lost while the other side had it all); returned: sent, and a letter came back later.';
