-- +goose Up

-- By what the master key is known again, which itself stands outside the database: a
-- value that follows from it and tells nothing of it. Whoever opens the vault compares,
-- and whoever is first writes it: another key would open nothing, and would claim names
-- that are taken. Nobody may change it.
create table sical.master_key (
	one         boolean primary key default true check (one),
	fingerprint bytea not null check (length(fingerprint) = 32)
);
grant select, insert on sical.master_key to sical_command, sical_query, sical_reaction;

-- +goose Down
drop table sical.master_key;
