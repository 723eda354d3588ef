-- +goose Up

-- What has been counted of the log, and up to where: figures that hold across restarts
-- without the whole log being read again.
create table sical.tally (
	one          boolean primary key default true check (one),
	incarnation  uuid,                        -- of the log that was counted
	position     bigint not null default 0,   -- up to here
	categories   text[] not null default '{}', -- that are told apart
	active_users bigint not null default 0,
	goals        bigint[] not null default '{}' -- created, by category; the last for all others
);
insert into sical.tally default values;

-- count_log counts on from where it last stopped, by at most a page of events, and
-- returns how far it is and what it has. Another history of the log, or other
-- categories, begin it anew. Whoever calls it at once waits, and counts nothing twice.
-- +goose StatementBegin
create function sical.count_log(known text[], page int,
	out counted bigint, out head bigint, out active_users bigint, out goals bigint[]
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	done sical.tally;
	history uuid;
	added bigint[];
begin
	select * into done from sical.tally for update;
	select l.incarnation into history from sical.log l;
	select coalesce(max(e.position), 0) into head from sical.events e;
	if done.incarnation is distinct from history or done.categories <> known or done.position > head then
		done.position := 0;
		done.active_users := 0;
		done.goals := array_fill(0::bigint, array[cardinality(known) + 1]);
	end if;
	counted := least(done.position + page, head);
	if counted > done.position or done.incarnation is distinct from history or done.categories <> known then
		select coalesce(sum(case
			when e.type in ('user.registered', 'user.reactivated') then 1
			when e.type = 'user.suspended' or e.type = 'user.erased' and e.data ->> 'from' = 'active' then -1
			else 0 end), 0) + done.active_users
		into done.active_users
		from sical.events e where e.position > done.position and e.position <= counted and e.type like 'user.%';

		select array_agg(n order by at) into added from (
			select c.at, count(g.at) as n from generate_series(1, cardinality(known) + 1) c (at)
			left join (
				select coalesce(array_position(known, e.data ->> 'category'), cardinality(known) + 1) as at
				from sical.events e where e.position > done.position and e.position <= counted and e.type = 'goal.created'
			) g on g.at = c.at
			group by c.at
		) s;
		select array_agg(old + new order by at) into done.goals
		from unnest(done.goals, added) with ordinality s (old, new, at);
		update sical.tally t set incarnation = history, position = counted, categories = known,
			active_users = done.active_users, goals = done.goals;
	end if;
	active_users := done.active_users;
	goals := done.goals;
end
$$;
-- +goose StatementEnd
revoke all on function sical.count_log from public;

-- Whoever watches the whole system: how far everything is, and figures without anyone's
-- data. The services that may ask NATS about the stream may act as it.
-- +goose StatementBegin
do $$
begin
	if not exists (select from pg_roles where rolname = 'sical_monitor') then
		begin
			create role sical_monitor login nosuperuser nocreatedb nocreaterole noinherit;
			grant sical_monitor to current_user;
		exception when duplicate_object or unique_violation then -- as in 00004_roles.sql
		end;
	end if;
	execute format('grant connect on database %I to sical_monitor', current_database());
end
$$;
-- +goose StatementEnd
grant sical_monitor to sical_command, sical_projector;
grant usage on schema sical to sical_monitor;
grant execute on function sical.count_log to sical_monitor;
grant select (position, recorded_at) on sical.events to sical_monitor;
grant select on sical.projection, sical.view_version to sical_monitor;

-- +goose Down
drop owned by sical_monitor;
drop function sical.count_log;
drop table sical.tally;
