-- +goose Up

-- What a user proves itself by. A user without a row cannot log in.
create table sical.credential (
    user_id       uuid primary key,
    password_hash text not null,
    changed_at    timestamptz not null default clock_timestamp()
);

-- Raised when all sessions of a user end; no row means 0.
create table sical.session_generation (
    user_id    uuid primary key,
    generation bigint not null
);

-- A row is a login; it counts while its generation is the user's.
create table sical.session (
    id         uuid primary key,
    user_id    uuid not null,
    generation bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null
);
create index session_user_id on sical.session (user_id);
create index session_expires_at on sical.session (expires_at);

-- Used ones stay as long as the session, to recognise a copy that comes back.
create table sical.refresh_token (
    token_hash bytea primary key check (length(token_hash) = 32),
    session_id uuid not null references sical.session on delete cascade,
    issued_at  timestamptz not null default clock_timestamp(),
    used_at    timestamptz
);
create index refresh_token_session_id on sical.refresh_token (session_id);

-- What every process polls. kind 'session': every token of session `subject`
-- is dead. kind 'user': every token of user `subject` below `generation` is,
-- but for those of session `spared`.
create table sical.revocation (
    kind       text not null check (kind in ('session', 'user')),
    subject    uuid not null,
    generation bigint not null default 0,
    spared     uuid,
    created_at timestamptz not null default clock_timestamp()
);
create index revocation_created_at on sical.revocation (created_at);

-- end_sessions ends every session of a user but one, in the caller's
-- transaction: suspended, erased, another role, another password. The spared one
-- is lifted to the new generation if it was alive; what a concurrent login adds
-- unseen keeps the old one and is dead. Returns the revocation that it adds.
create function sical.end_sessions(who uuid, spare uuid) returns setof sical.revocation
language sql security definer set search_path = pg_catalog, pg_temp as $$
	with risen as (
		insert into sical.session_generation as g (user_id, generation) values (who, 1)
		on conflict (user_id) do update set generation = g.generation + 1
		returning generation
	), spared as (
		update sical.session s set generation = risen.generation from risen
		where s.id = spare and s.user_id = who and s.generation = risen.generation - 1
		returning s.id
	), ended as (
		delete from sical.session where user_id = who and id is distinct from spare
	)
	insert into sical.revocation (kind, subject, generation, spared)
	select 'user', who, risen.generation, spared.id from risen left join spared on true
	returning *
$$;

-- +goose Down
drop function sical.end_sessions;
drop table sical.revocation, sical.refresh_token, sical.session, sical.session_generation, sical.credential;
