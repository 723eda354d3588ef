-- +goose Up

-- What deliveries of a webhook are signed with, sealed by the master key. After a
-- change the old one signs as well, for as long as receivers may need.
create table sical.webhook_secret (
	webhook    uuid primary key,
	sealed     bytea not null,
	previous   bytea,
	changed_at timestamptz not null default clock_timestamp()
);

-- How far a reaction has come with each of those it serves, who does it, and how
-- it fares. A position never goes back: whatever is replayed, rebuilt or repaired,
-- no event is reacted to a second time once it stands here.
create table sical.reaction (
	reaction      text collate "C" not null,
	consumer      uuid not null,
	position      bigint not null,
	epoch         bigint not null default 0,
	owner         text,
	lease_until   timestamptz,
	failures      int not null default 0, -- in a row
	failing_since timestamptz,
	retry_at      timestamptz,
	updated_at    timestamptz not null default clock_timestamp(),
	primary key (reaction, consumer)
) with (fillfactor = 50);

-- Events that no retry can help: set aside, so that those behind them go on.
create table sical.reaction_poison (
	reaction  text collate "C" not null,
	consumer  uuid not null,
	position  bigint not null,
	error     text not null,
	parked_at timestamptz not null default clock_timestamp(),
	primary key (reaction, consumer, position)
);

-- The latest attempts of each webhook.
create table sical.webhook_delivery (
	id       bigint generated always as identity,
	webhook  uuid not null,
	position bigint not null,
	event_id uuid not null,
	type     text collate "C" not null,
	at       timestamptz not null default clock_timestamp(),
	took_ms  int not null,
	status   int,  -- of the answer; null where there was none
	error    text, -- null where it was taken
	primary key (webhook, id)
);

-- Whoever may open a live stream once, within 30 seconds. Losing these costs a
-- client one more request, so they are not logged.
create unlogged table sical.stream_ticket (
	hash       bytea primary key check (length(hash) = 32),
	user_id    uuid not null,
	session_id uuid not null,
	role       text not null,
	generation bigint not null,
	token_ends timestamptz not null,
	expires_at timestamptz not null
);
create index on sical.stream_ticket (expires_at);

grant select on sical.log, sical.events, sical.command, sical.subject_key, sical.webhook_secret to sical_reaction;
grant execute on function sical.append to sical_reaction; -- a reaction's own commands
grant select, insert, update, delete on sical.reaction, sical.reaction_poison, sical.webhook_delivery to sical_reaction;
grant select on sical.reaction, sical.reaction_poison, sical.webhook_delivery to sical_query;
grant select, insert, delete on sical.stream_ticket to sical_command;
grant select, delete on sical.stream_ticket to sical_query;

-- +goose Down
drop table sical.stream_ticket, sical.webhook_delivery, sical.reaction_poison, sical.reaction, sical.webhook_secret;
