-- +goose Up

-- The version of the consumer that failures in a row are of: one that wants something
-- else since, or was held and is no more, is tried as if it had never failed.
alter table sical.reaction add column version int; -- null until it is served

-- +goose Down
alter table sical.reaction drop column version;
