-- +goose Up

-- Every role may see which migrations were applied, and so tell what is pending before
-- it meets it in a statement.
grant usage on schema public to sical_command, sical_relay, sical_projector, sical_query, sical_reaction, sical_monitor;
grant select on public.sical_migration to sical_command, sical_relay, sical_projector, sical_query, sical_reaction, sical_monitor;

-- +goose Down
revoke select on public.sical_migration from sical_command, sical_relay, sical_projector, sical_query, sical_reaction, sical_monitor;
revoke usage on schema public from sical_command, sical_relay, sical_projector, sical_query, sical_reaction, sical_monitor;
