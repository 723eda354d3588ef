-- +goose Up

-- What projectors are asked to do to a view beside folding it: one row for each
-- view's version and kind, until the next of the kind is asked for. Whoever works
-- on it holds a lease, writes down how far it is, and is found out by its name
-- where it has lost the lease.
create table sical.projection_job (
	view             text not null,
	version          int not null,
	kind             text not null check (kind in ('rebuild', 'verify')),
	state            text not null default 'requested'
		check (state in ('requested', 'filling', 'catching_up', 'comparing', 'held', 'verifying', 'done', 'failed', 'cancelled')),
	require_approval boolean not null default false, -- before the change over
	approved         boolean not null default false,
	cancel           boolean not null default false,
	rate             int not null default 0,         -- events a second at most; 0 for no limit
	shards           int not null default 0,         -- of the build; 0 for as many as the present one has
	sample           int not null default 0,         -- rows to verify; 0 for all
	build            int,                            -- that is made
	target           bigint not null default 0,      -- position it is filled to
	share_first      bigint not null default 0,      -- the keys that are filled next, as the bits of two unsigned numbers
	share_last       bigint not null default -1,
	owner            text,
	lease_until      timestamptz,
	phase            text not null default '',
	percent          real not null default 0,
	rate_now         real not null default 0,        -- events a second
	eta_seconds      real,
	outcome          json,                           -- of the comparison
	error            text,
	requested_at     timestamptz not null default now(),
	updated_at       timestamptz not null default now(),
	finished_at      timestamptz,
	primary key (view, version, kind)
) with (fillfactor = 50);

grant select, insert, update, delete on sical.projection_job to sical_projector;
grant select on sical.projection_job to sical_query; -- why a view is not ready yet

-- +goose Down
drop table sical.projection_job;
