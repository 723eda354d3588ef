-- +goose Up

-- Until here a command's digest was a plain hash of what it had asked: of passwords and
-- of private titles too, and whoever got a copy of the table could try them quickly. From
-- here on it is keyed. What stands here is dropped: those commands are known by their ids
-- alone.
update sical.command set request = '' where request <> '';

-- +goose Down
-- What was dropped cannot come back, and need not.
select 1;
