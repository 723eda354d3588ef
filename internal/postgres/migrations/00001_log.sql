-- +goose Up

-- The log and its bookkeeping. Nothing here is ever updated but what says so.

create schema if not exists sical;
create schema if not exists sical_read;

-- One constant row: the lock that every append takes, and which history this is.
-- Nothing but a new history updates it, because an updated row bloats as soon as
-- any old snapshot is open.
create table sical.log (
	one         boolean primary key default true check (one),
	incarnation uuid not null default gen_random_uuid()
);
insert into sical.log default values;

-- The one truth. Positions are gapless and in commit order.
create table sical.events (
	position    bigint primary key,
	event_id    uuid not null,
	stream      text collate "C" not null,
	version     int not null,
	type        text collate "C" not null,
	schema      smallint not null,
	data        json not null,
	metadata    json not null,
	owner       uuid not null,
	final       boolean not null,
	occurred_at timestamptz not null,
	recorded_at timestamptz not null,
	unique (stream, version)
);

-- A command that brought an id of its own: what it did, so that sending it again
-- does nothing and answers the same.
create table sical.command (
	id         uuid primary key,
	request    bytea not null, -- digest of what was asked
	subject    uuid not null,
	version    int not null,
	position   bigint not null,
	expires_at timestamptz    -- null: kept for ever
);
create index on sical.command (expires_at) where expires_at is not null;

-- Unique values, as keyed hashes of their normalised text.
create table sical.claim (
	key    bytea primary key,
	kind   text not null,
	stream text collate "C" not null,
	unique (stream, kind)
);

-- Each person's own data key, wrapped by the master key. Destroying the row
-- forgets the person.
create table sical.subject_key (
	subject uuid primary key,
	wrapped bytea not null
);

-- +goose Down
drop schema sical_read cascade;
drop schema sical cascade;
