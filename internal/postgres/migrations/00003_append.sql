-- +goose Up

-- append writes a batch of commands' events, or nothing.
--
-- It takes the log's lock first. Each statement after that sees everything that
-- earlier appends committed (read committed), so what is checked here still
-- holds when the batch commits, and max(position) + 1 is the next position.
--
-- Arrays run in parallel; *_command and *_stream are ordinals from 1. A guard
-- with a version wants the stream at exactly that version, one without wants it
-- to exist and not to be ended; guard_owner, where not null, wants it owned so.
-- extra holds what is rare: claims, keys, credentials and what is to be
-- forgotten.
--
-- seen is a position the log had reached when the batch was first sent. A call may
-- be lost on its way and arrive after a later try of the same batch: so nothing
-- behind seen may hold an event of it. again says that this is such a try. Any
-- other is told 'behind' where a search would take long.
--
-- outcome is 'appended'; 'already' (another try had committed, base is where);
-- 'behind', with the log's head as base; or 'refused', with the head and the
-- ordinals of the commands that were done before (known_*), whose guards fail, and
-- whose claims are taken. The caller takes those out and comes back.

-- +goose StatementBegin
create function sical.append(
	streams text[],
	command_ids uuid[], command_requests bytea[], command_subjects uuid[], command_expiries timestamptz[],
	command_streams int[], command_offsets int[], command_lasts int[],
	guard_commands int[], guard_streams int[], guard_versions int[], guard_owners uuid[],
	event_streams int[], event_offsets int[], event_ids uuid[], event_types text[], event_schemas smallint[],
	event_data json[], event_metadata json[], event_owners uuid[], event_finals boolean[], event_times timestamptz[],
	extra json, seen bigint, again boolean,
	out outcome text, out base bigint, out recorded timestamptz, out heads int[],
	out known_commands int[], out known_requests bytea[], out known_subjects uuid[], out known_versions int[], out known_positions bigint[],
	out failed_guards int[], out failed_claims int[]
) language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
	head bigint;
	last_recorded timestamptz;
	finals boolean[];
	owners uuid[];
	person record;
begin
	perform 1 from sical.log for update;

	select e.position, e.recorded_at into head, last_recorded from sical.events e order by e.position desc limit 1;
	head := coalesce(head, 0);
	if head > seen then
		if not again and head - seen > 1000 then
			outcome := 'behind';
			base := head;
			return;
		end if;
		select min(e.position), min(e.recorded_at) into base, recorded
		from sical.events e join unnest(event_ids) i (id) on i.id = e.event_id where e.position > seen;
		if base is not null then
			select array_agg(coalesce(h.version, 0) order by s.n) into heads
			from unnest(streams) with ordinality s (stream, n)
			left join lateral (
				select e.version from sical.events e
				where e.stream = s.stream and e.position < base order by e.version desc limit 1
			) h on true;
			outcome := 'already';
			return;
		end if;
	end if;

	select array_agg(coalesce(h.version, 0) order by s.n), array_agg(h.final order by s.n), array_agg(h.owner order by s.n)
	into heads, finals, owners
	from unnest(streams) with ordinality s (stream, n)
	left join lateral (
		select e.version, e.final, e.owner from sical.events e
		where e.stream = s.stream order by e.version desc limit 1
	) h on true;

	if cardinality(command_ids) > 0 then
		select array_agg(c.n), array_agg(k.request), array_agg(k.subject), array_agg(k.version), array_agg(k.position)
		into known_commands, known_requests, known_subjects, known_versions, known_positions
		from unnest(command_ids) with ordinality c (id, n)
		join sical.command k on k.id = c.id;
	end if;

	if cardinality(guard_commands) > 0 then
		select array_agg(g.n) into failed_guards
		from unnest(guard_commands, guard_streams, guard_versions, guard_owners)
			with ordinality g (command, stream, version, owner, n)
		where case when g.version is null
			then finals[g.stream] is distinct from false
			else heads[g.stream] <> g.version end
			or g.owner is not null and owners[g.stream] is distinct from g.owner;
	end if;

	if extra is not null then
		select array_agg(c.command) into failed_claims
		from json_to_recordset(extra -> 'claims') c (command int, key text, stream text)
		join sical.claim k on k.key = decode(c.key, 'hex') and k.stream <> c.stream;
	end if;

	if known_commands is not null or failed_guards is not null or failed_claims is not null then
		outcome := 'refused';
		base := head;
		return;
	end if;

	base := head + 1;
	recorded := greatest(clock_timestamp(), last_recorded);

	insert into sical.events (position, event_id, stream, version, type, schema, data, metadata, owner, final, occurred_at, recorded_at)
	select base + e.n - 1, e.id, streams[e.stream], heads[e.stream] + e.at, e.type, e.schema, e.data, e.metadata, e.owner, e.final, e.occurred, recorded
	from unnest(event_streams, event_offsets, event_ids, event_types, event_schemas, event_data, event_metadata, event_owners, event_finals, event_times)
		with ordinality e (stream, at, id, type, schema, data, metadata, owner, final, occurred, n);

	if cardinality(command_ids) > 0 then
		insert into sical.command (id, request, subject, version, position, expires_at)
		select c.id, c.request, c.subject, heads[c.stream] + c.at, base + c.last - 1, c.expires
		from unnest(command_ids, command_requests, command_subjects, command_expiries, command_streams, command_offsets, command_lasts)
			c (id, request, subject, expires, stream, at, last)
		where c.id is not null;
	end if;

	if extra is not null then
		delete from sical.claim k using json_to_recordset(extra -> 'claims') c (kind text, stream text)
		where k.stream = c.stream and k.kind = c.kind;
		insert into sical.claim (key, kind, stream)
		select decode(c.key, 'hex'), c.kind, c.stream
		from json_to_recordset(extra -> 'claims') c (key text, kind text, stream text) where c.key is not null;

		insert into sical.subject_key (subject, wrapped)
		select k.subject, decode(k.wrapped, 'hex') from json_to_recordset(extra -> 'keys') k (subject uuid, wrapped text);

		insert into sical.credential (user_id, password_hash)
		select c.subject, c.hash from json_to_recordset(extra -> 'credentials') c (subject uuid, hash text)
		on conflict (user_id) do update set password_hash = excluded.password_hash, changed_at = clock_timestamp();

		insert into sical.webhook_secret (webhook, sealed)
		select s.subject, decode(s.sealed, 'hex')
		from json_to_recordset(extra -> 'secrets') s (subject uuid, sealed text) where s.sealed is not null
		on conflict (webhook) do update
		set previous = webhook_secret.sealed, sealed = excluded.sealed, changed_at = clock_timestamp();
		delete from sical.webhook_secret w
		using json_to_recordset(extra -> 'secrets') s (subject uuid, sealed text)
		where w.webhook = s.subject and s.sealed is null;

		for person in select p.subject, p.spare from json_to_recordset(extra -> 'ended') p (subject uuid, spare uuid) loop
			perform sical.end_sessions(person.subject, person.spare);
		end loop;

		for person in select p.subject from json_to_recordset(extra -> 'forgotten') p (subject uuid) loop
			delete from sical.claim where stream = 'user-' || person.subject;
			delete from sical.subject_key where subject = person.subject;
			delete from sical.credential where user_id = person.subject;
			perform sical.end_sessions(person.subject, null);
		end loop;
	end if;
	outcome := 'appended';
end
$$;
-- +goose StatementEnd

-- +goose Down
drop function sical.append;
