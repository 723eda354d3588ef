-- +goose Up

-- The histories that the log has had. A restore to an earlier point begins a new
-- one: positions behind it are given a second time, and whoever kept something by
-- position has to know.
create table sical.incarnation (
	id       uuid primary key,
	began_at timestamptz not null default clock_timestamp(),
	head     bigint not null, -- of the log when it began; the restore was to here or before
	reason   text not null
);
insert into sical.incarnation (id, head, reason) select incarnation, 0, 'the log was made' from sical.log;

-- begin_incarnation begins a new history unless that has been done since seen was
-- read, and returns the one that holds. It waits for the log's lock, so that no
-- append falls into both.
-- +goose StatementBegin
create function sical.begin_incarnation(seen uuid, why text) returns uuid
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	holds uuid;
begin
	select l.incarnation into holds from sical.log l for update;
	if holds = seen then
		holds := gen_random_uuid();
		update sical.log set incarnation = holds;
		insert into sical.incarnation (id, head, reason)
		select holds, coalesce(max(e.position), 0), why from sical.events e;
	end if;
	return holds;
end
$$;
-- +goose StatementEnd

revoke all on function sical.begin_incarnation from public;
grant execute on function sical.begin_incarnation to sical_relay, sical_projector;
grant select on sical.incarnation to sical_projector; -- up to where a checkpoint of an earlier one is good
grant select on sical.projection to sical_relay; -- a checkpoint beyond the log's head is a sign

-- +goose Down
revoke select on sical.projection from sical_relay;
drop function sical.begin_incarnation;
drop table sical.incarnation;
