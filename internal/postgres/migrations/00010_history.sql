-- +goose Up

-- What a look back reads of the log. The query role may call these and nothing
-- else: no event can be had without naming whose it is, what it was caused by is
-- not shown, and personal text is sealed as everywhere.

-- A user's goals are found by their first events, and the prerequisites of a point
-- by the edges that name it. Other events do not enter these indexes.
create index events_goal_owner on sical.events (owner, position) where type = 'goal.created';
create index events_edge on sical.events ((data ->> 'point'), position) where stream = 'curriculum';

-- history returns the events of some things up to a position, at most so many.
create function sical.history(streams text[], until bigint, most int)
returns table (at bigint, stream text, version int, type text, schema smallint, data json, owner uuid, occurred_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select e.position, e.stream, e.version, e.type, e.schema, e.data, e.owner, e.occurred_at
	from (select distinct s from unnest(streams) s where split_part(s, '-', 1) in ('user', 'goal', 'path', 'point', 'assessment', 'study')) n,
	lateral (select * from sical.events e where e.stream = n.s and e.position <= until order by e.version limit most) e
	order by e.position limit most
$$;

-- edges returns what the curriculum's stream says of one point up to a position.
create function sical.edges(point uuid, until bigint, most int)
returns table (at bigint, stream text, version int, type text, schema smallint, data json, owner uuid, occurred_at timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select e.position, e.stream, e.version, e.type, e.schema, e.data, e.owner, e.occurred_at
	from sical.events e where e.stream = 'curriculum' and e.data ->> 'point' = point::text and e.position <= until
	order by e.position limit most
$$;

-- goals_of returns the streams of the goals that a user began up to a position.
create function sical.goals_of(person uuid, until bigint, most int) returns setof text
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
	select e.stream from sical.events e
	where e.owner = person and e.type = 'goal.created' and e.position <= until order by e.position limit most
$$;

-- position_at returns the last position recorded at an instant or before, 0 where
-- there is none. Positions have no gap, and record their instants in order.
-- +goose StatementBegin
create function sical.position_at(instant timestamptz) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
	low bigint := 0;
	high bigint;
	middle bigint;
	recorded timestamptz;
begin
	select coalesce(max(e.position), 0) into high from sical.events e;
	while low < high loop
		middle := (low + high + 1) / 2;
		select e.recorded_at into recorded from sical.events e where e.position = middle;
		if recorded <= instant then
			low := middle;
		else
			high := middle - 1;
		end if;
	end loop;
	return low;
end
$$;
-- +goose StatementEnd

revoke all on function sical.history, sical.edges, sical.goals_of, sical.position_at from public;
grant execute on function sical.history, sical.edges, sical.goals_of, sical.position_at to sical_query;

-- +goose Down
drop function sical.history, sical.edges, sical.goals_of, sical.position_at;
drop index sical.events_goal_owner, sical.events_edge;
