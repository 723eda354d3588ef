-- +goose Up

-- One role per service, each with the least it needs. They may log in, without a
-- password until an operator gives them one; the migrating user may act as them.
-- +goose StatementBegin
do $$
declare
	name text;
begin
	-- Roles belong to the whole server, and no lock by which migrations of two databases could take
	-- turns does: another may be making one just now, for whose end this one waits.
	foreach name in array array['sical_command', 'sical_relay', 'sical_projector', 'sical_query', 'sical_reaction'] loop
		if not exists (select from pg_roles where rolname = name) then
			begin
				execute format('create role %I login nosuperuser nocreatedb nocreaterole noinherit', name);
				execute format('grant %I to current_user', name);
			exception when duplicate_object or unique_violation then -- as if it had been there
			end;
		end if;
		execute format('grant connect on database %I to %I', current_database(), name);
		execute format('grant usage on schema sical to %I', name);
	end loop;
end
$$;
-- +goose StatementEnd

-- The command role's process runs the relay, too, and may act as it.
grant sical_relay to sical_command;
-- And the projector's process delivers webhooks.
grant sical_reaction to sical_projector;

revoke all on schema public from public;
revoke all on function sical.append from public;
revoke all on function sical.end_sessions from public;

-- The log is written by its function alone: nobody may update or delete events,
-- and nobody inserts past the checks.
grant execute on function sical.append to sical_command;
grant execute on function sical.end_sessions to sical_command;
grant select on sical.log, sical.events, sical.command, sical.claim, sical.subject_key to sical_command;
grant select, insert, update, delete on sical.credential, sical.session_generation, sical.session, sical.refresh_token, sical.revocation to sical_command;
grant delete on sical.command to sical_command; -- of expired ones

grant select on sical.log, sical.events to sical_relay;

grant usage, create on schema sical_read to sical_projector;
grant select on sical.log, sical.events to sical_projector;

grant usage on schema sical_read to sical_query;
grant select on sical.log, sical.subject_key, sical.revocation to sical_query;
grant select (position) on sical.events to sical_query; -- how far the log goes
alter default privileges for role sical_projector in schema sical_read grant select on tables to sical_query;

-- +goose Down
drop owned by sical_command, sical_relay, sical_projector, sical_query, sical_reaction;
