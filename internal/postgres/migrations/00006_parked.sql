-- +goose Up

-- What a view could not fold: a key, with all its events from one on, or a whole
-- stream where an event does not tell its keys. The others go on. Whoever folds the
-- shard writes here in the transaction of its rows; retry asks it to try again.
create table sical.parked (
	view       text not null,
	version    int not null,
	build      int not null,
	shard      int not null,
	name       text not null,             -- the key, or the stream
	position   bigint not null,           -- of the first event that is held back
	stream     text not null,             -- of that event
	type       text not null,
	names      text[] not null,           -- under which answers depend on what is parked
	error      text not null,
	attempts   int not null,
	parked_at  timestamptz not null default now(),
	retry      boolean not null default false,
	primary key (view, version, build, shard, name),
	foreign key (view, version, build, shard) references sical.projection on delete cascade
);

grant select, insert, update, delete on sical.parked to sical_projector;
grant select on sical.parked to sical_query;

-- +goose Down
drop table sical.parked;
