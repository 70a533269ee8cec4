-- +goose Up
-- No mailbox number is used twice, see numberbound.go. run is the id of the run
-- that used the latest number. commits is how many commits it made, 0 until it
-- is stopped. Every mailbox continues above floor.
INSERT INTO meta VALUES ('run', 0), ('commits', 0), ('floor', 0);

-- Removed accounts: the newest number of the mailbox and the latest device ID.
-- An account that is created again continues above them.
CREATE TABLE removed (
    account INTEGER PRIMARY KEY,
    number  INTEGER NOT NULL,
    devices INTEGER NOT NULL
) STRICT;
