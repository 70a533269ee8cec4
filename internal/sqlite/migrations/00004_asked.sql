-- +goose Up
-- The latest entry in account's mailbox that announced a friend request of asker.
-- time is microseconds since 1970.
CREATE TABLE asked (
    account INTEGER NOT NULL,
    asker   INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (account, asker)
) STRICT, WITHOUT ROWID;

CREATE INDEX asked_asker ON asked (asker);
