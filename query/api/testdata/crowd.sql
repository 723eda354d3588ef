-- 100,000 rows of each view, without their words. One user in the middle of it
-- has a tenth of everything, as has one target of comments.

create function pg_temp.id(kind text, n bigint) returns uuid stable language sql as
	$$ select md5(kind || n)::uuid $$;
-- whose row n is: every tenth is the busy user's, number 1
create function pg_temp.owner(n bigint) returns uuid stable language sql as
	$$ select pg_temp.id('user', case when n % 10 = 0 then 1 else n % 5000 end) $$;
-- a choice that does not go with whose row it is
create function pg_temp.pick(n bigint, among text[]) returns text stable language sql as
	$$ select among[1 + (n * 7919 / 10) % cardinality(among)] $$;
create function pg_temp.at(n bigint) returns timestamptz stable language sql as
	$$ select timestamptz '2026-01-01T00:00:00Z' + n * interval '1 minute' $$;
create function pg_temp.category(n bigint) returns text stable language sql as
	$$ select 'category ' || (n * 104729 / 10) % 20 $$;

-- one word in every text, one in a hundredth of them each, and one that is rare
create function pg_temp.words(n bigint) returns text stable language sql as
	$$ select concat_ws(' ', 'every', case when abs(hashint8(n)) % 2000 = 6 then 'rare' end, 'word' || abs(hashint8(n + 1)) % 100) $$;

insert into sical_read.user_v2_b1 (id, doc)
select pg_temp.id('user', n), json_build_object('id', pg_temp.id('user', n), 'version', 1, 'role', 'learner',
	'status', 'active', 'created_at', pg_temp.at(n), 'updated_at', pg_temp.at(n))
from generate_series(1, 100000) n;

insert into sical_read.goal_v2_b1 (id, owner_id, status, category, visibility, created_at, doc)
select g.id, g.owner, g.status, g.category, g.visibility, g.at, json_build_object('id', g.id, 'version', 1, 'owner_id', g.owner,
	'status', g.status, 'category', g.category, 'visibility', g.visibility, 'created_at', g.at, 'updated_at', g.at, 'title', '',
	'paths', json_build_array(pg_temp.id('path', n), pg_temp.id('path', n + 1)))
from generate_series(1, 100000) n, lateral (select pg_temp.id('goal', n) id, pg_temp.owner(n) as owner,
	pg_temp.pick(n, '{draft,active,paused,completed,abandoned}') status, pg_temp.category(n) category,
	pg_temp.pick(n / 5, '{private,public}') visibility, pg_temp.at(n) at) g;

insert into sical_read.path_v3_b1 (id, status, category, created_at, words, doc)
select p.id, p.status, p.category, p.at, pg_temp.words(n), json_build_object('id', p.id, 'version', 1, 'owner_id', pg_temp.owner(n), 'title', 'x',
	'status', p.status, 'category', p.category, 'created_at', p.at, 'updated_at', p.at, 'published_at', p.at,
	'points', (select json_agg(pg_temp.id('point', n + i)) from generate_series(1, 5) i))
from generate_series(1, 100000) n, lateral (select pg_temp.id('path', n) id, pg_temp.category(n) category,
	pg_temp.pick(n, '{published,archived}') status, pg_temp.at(n) at) p;

insert into sical_read.point_v5_b1 (id, category, difficulty_level, created_at, words, brief, doc)
select p.id, p.category, p.level, p.at, pg_temp.words(n), json_build_object('id', p.id, 'title', 'x', 'category', p.category,
	'difficulty_level', p.level), json_build_object('id', p.id, 'version', 1, 'title', 'x',
	'category', p.category, 'difficulty_level', p.level, 'prerequisites', json_build_array(), 'created_at', p.at, 'updated_at', p.at)
from generate_series(1, 100000) n, lateral (select pg_temp.id('point', n) id, pg_temp.category(n) category,
	case when n % 1000 = 0 then 9 else 1 + n % 8 end as level, pg_temp.at(n) at) p;

insert into sical_read.progress_v3_b1 (learner_id, point_id, completed_at, doc)
select pg_temp.owner(n), pg_temp.id('point', n), case when n % 20 = 0 then pg_temp.at(n) end, json_build_object(
	'learner_id', pg_temp.owner(n), 'point_id', pg_temp.id('point', n), 'amount', 1, 'times', 1)
from generate_series(1, 100000) n;

insert into sical_read.assessment_v3_b1 (id, owner_id, assessment_type, status, created_at, doc)
select a.id, a.owner, a.type, a.status, a.at, json_build_object('id', a.id, 'version', 1, 'user_id', a.owner,
	'assessment_type', a.type, 'status', a.status, 'max_score', 100, 'weight', 1, 'created_at', a.at, 'updated_at', a.at)
from generate_series(1, 100000) n, lateral (select pg_temp.id('assessment', n) id, pg_temp.owner(n) as owner,
	pg_temp.pick(n, '{quiz,assignment,exam,self}') type, pg_temp.pick(n / 4, '{scheduled,submitted,graded,void}') status,
	pg_temp.at(n) at) a;

insert into sical_read.comment_v2_b1 (id, author_id, target_type, target_id, created_at, doc)
select c.id, c.author, 'point', c.target, c.at, json_build_object('id', c.id, 'version', 1, 'author_id', c.author,
	'target', json_build_object('target_type', 'point', 'target_id', c.target), 'status', 'visible', 'created_at', c.at, 'updated_at', c.at)
from generate_series(1, 100000) n, lateral (select pg_temp.id('comment', n) id, pg_temp.owner(n) author,
	pg_temp.id('point', case when n % 10 = 3 then 1 else n end) target, pg_temp.at(n) at) c;

do $$
declare
	name text;
begin
	foreach name in array array['user_v2', 'goal_v2', 'path_v3', 'point_v5', 'progress_v3', 'assessment_v3', 'comment_v2'] loop
		execute format('insert into sical_read.%s_b1_total (name, shard, value) select ''of/'' || n, 0, n from generate_series(1, 20000) n', name);
	end loop;
end
$$;

-- sums of a hundred days, of ten subjects each, among the others
insert into sical_read.progress_v3_b1_total (name, shard, value)
select concat_ws(E'\x1f', 'busy', date '2026-01-01' + d, pg_temp.id('point', p), 70), 0, p from generate_series(0, 99) d, generate_series(1, 10) p;
insert into sical_read.attachment_v1_b1_total (name, shard, value)
select concat_ws(E'\x1f', 'took', date '2026-01-01' + d, pg_temp.id('path', p), 140), 0, p from generate_series(0, 99) d, generate_series(1, 10) p;
insert into sical_read.activity_v1_b1_total (name, shard, value)
select concat_ws(E'\x1f', 'active', date '2026-01-01' + d, gap), 0, gap from generate_series(0, 99) d, generate_series(1, 30) gap;
insert into sical_read.attachment_v1_b1_total (name, shard, value) select 'z' || n, 0, n from generate_series(1, 20000) n;
insert into sical_read.activity_v1_b1_total (name, shard, value) select 'z' || n, 0, n from generate_series(1, 20000) n;
insert into sical_read.webhook_v1_b1 (id, created_at, doc)
select h.id, h.at, json_build_object('id', h.id, 'version', 1, 'url', 'https://example.org/', 'event_types', json_build_array('*'),
	'status', 'enabled', 'created_at', h.at, 'updated_at', h.at)
from generate_series(1, 100000) n, lateral (select pg_temp.id('webhook', n) id, pg_temp.at(n) at) h;
insert into sical_read.webhook_v1_b1_total (name, shard, value) select 'z' || n, 0, n from generate_series(1, 20000) n;
