-- +goose Up

-- The events that a shard was folded past because its binary could not read them, each
-- as name/schema. A binary that can builds the view from zero.
alter table sical.projection add column skipped_unknown text[] not null default '{}';

-- +goose Down
alter table sical.projection drop column skipped_unknown;
