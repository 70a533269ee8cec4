-- +goose Up
-- Devices, blocks, read marks and history. Times are microseconds since 1970.

ALTER TABLE accounts ADD COLUMN devices_only INTEGER NOT NULL DEFAULT 0;

-- How many devices an account ever had: the number of the latest.
ALTER TABLE accounts ADD COLUMN devices_made INTEGER NOT NULL DEFAULT 0;

-- How far devices had got that are forgotten: what they took is not new.
ALTER TABLE accounts ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;

-- since is the latest sign-in. The device's place is a row of places, its
-- session, while it has one, a row of sessions.
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

-- A device session that nothing was heard of for long.
ALTER TABLE sessions ADD COLUMN asleep INTEGER NOT NULL DEFAULT 0;

-- account takes nothing of blocked.
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

-- The words of each conversation, both sides'. Most accounts never ask for
-- them, and an index would cost each letter: so they are listed when somebody
-- asks, see history.go. listed is the entry up to which that is done.
CREATE TABLE conversations (
    account INTEGER NOT NULL,
    peer    INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    PRIMARY KEY (account, peer, number)
) STRICT, WITHOUT ROWID;

ALTER TABLE accounts ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
