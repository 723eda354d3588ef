-- +goose Up

-- A batch that is tried again looks for its events at the ends of its streams, which have an
-- index: of each as many can be behind seen as the log has there. It went through all that
-- was appended since it was made, under the log's lock. Of sical.append (00003_append.sql)
-- one line is another.

-- +goose StatementBegin
do $$
declare
	whole text := pg_get_functiondef('sical.append'::regproc);
	was text := 'from sical.events e join unnest(event_ids) i (id) on i.id = e.event_id where e.position > seen;';
	becomes text := 'from unnest(streams) s (stream), lateral (
			select * from sical.events e where e.stream = s.stream order by e.version desc limit head - seen
		) e where e.position > seen and e.event_id = any(event_ids);';
begin
	if strpos(whole, becomes) > 0 then -- after a migration down, which leaves it
		return;
	end if;
	if strpos(whole, was) = 0 then
		raise exception 'sical.append is not as 00003_append.sql made it';
	end if;
	execute replace(whole, was, becomes);
end
$$;
-- +goose StatementEnd

-- +goose Down
-- The line as it was found the same.
select 1;
