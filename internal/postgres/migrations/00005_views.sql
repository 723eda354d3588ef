-- +goose Up

-- The registry of views. A version of a view is a fold; its tables are a build of
-- it, of which there may be several. What is read is one row here, so that
-- changing over to another build is one update.
create table sical.view_version (
	view       text not null,
	version    int not null,
	serving    int, -- the build that is read; null until one is ready
	previous   int, -- the build read before, kept going for a way back; null for none
	builds     int not null default 0, -- that were ever made: their numbers are not used again
	flipped_at timestamptz,
	primary key (view, version)
);

-- How far each shard of each build is, who folds it, and whether it could. A
-- build has as many shards as rows here, made all at once.
create table sical.projection (
	view        text not null,
	version     int not null,
	build       int not null,
	shard       int not null,
	position    bigint not null default 0,
	incarnation uuid not null,
	epoch       bigint not null default 0, -- of the ownership: whoever does not know it cannot write
	owner       text,                      -- valid while the projector's lease is
	state       text not null default 'live' check (state in ('building', 'live', 'paused', 'failed')),
	error       text,
	failed_at   bigint,
	updated_at  timestamptz not null default now(),
	primary key (view, version, build, shard)
) with (fillfactor = 50);

-- The projectors that are there. Everything that one owns stands and falls with
-- this lease.
create table sical.projector (
	owner       text primary key,
	knows       text[] not null, -- the views that it can fold, as view/version
	lease_until timestamptz not null
) with (fillfactor = 50);

grant select, insert, update, delete on sical.view_version, sical.projection, sical.projector to sical_projector;
grant select on sical.view_version, sical.projection, sical.projector to sical_query;

-- +goose Down
drop table sical.projector, sical.projection, sical.view_version;
