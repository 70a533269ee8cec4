-- +goose Up
-- Numbers are never given out twice, see numberbound.go. run is the id of the run
-- that gave out the latest number, and commits how many commits it made, 0 as
-- long as it has not been stopped. Every mailbox continues above floor.
INSERT INTO meta VALUES ('run', 0), ('commits', 0), ('floor', 0);

-- Accounts that were removed: the latest number of the mailbox and of the
-- devices. An account that is added again continues above them.
CREATE TABLE removed (
    account INTEGER PRIMARY KEY,
    number  INTEGER NOT NULL,
    devices INTEGER NOT NULL
) STRICT;
