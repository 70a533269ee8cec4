-- +goose Up
-- Devices, blocks, read marks and history. Times are microseconds since 1970.
-- 00001_first.sql explains the names.

ALTER TABLE accounts ADD COLUMN devices_only INTEGER NOT NULL DEFAULT 0;

-- How many devices an account ever had, and so the ID of the latest.
ALTER TABLE accounts ADD COLUMN devices_made INTEGER NOT NULL DEFAULT 0;

-- The highest cursor of the forgotten devices: what they collected is not new.
ALTER TABLE accounts ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;

-- since is the latest sign-in. A device has a cursor in places and, while it is
-- signed in, a session in sessions.
CREATE TABLE devices (
    account INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    PRIMARY KEY (account, id),
    UNIQUE (account, name)
) STRICT, WITHOUT ROWID;

-- The hash of a device session's token, empty for address sessions.
ALTER TABLE sessions ADD COLUMN token BLOB NOT NULL DEFAULT x'';

-- A device session without a request for a long time.
ALTER TABLE sessions ADD COLUMN asleep INTEGER NOT NULL DEFAULT 0;

-- account blocks blocked.
CREATE TABLE blocks (
    account INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    PRIMARY KEY (account, blocked)
) STRICT, WITHOUT ROWID;

CREATE INDEX blocks_blocked ON blocks (blocked);

-- How far an account has read its conversation with peer.
CREATE TABLE read_marks (
    account INTEGER NOT NULL,
    peer    INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (account, peer)
) STRICT, WITHOUT ROWID;

-- The messages of each conversation, received and sent. Most accounts never read
-- them, and an index would slow down each message. So the first reading lists
-- them, see history.go. accounts.listed is the entry up to which that is done.
CREATE TABLE conversations (
    account INTEGER NOT NULL,
    peer    INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (account, peer, number)
) STRICT, WITHOUT ROWID;

ALTER TABLE accounts ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
