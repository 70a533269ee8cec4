-- +goose Up
-- Times are microseconds since 1970. Every key begins with the account.
--
-- Some SQL names are older than the Go code's words. They stay, because a database that renames them
-- could not be opened by an earlier release, and the renaming would need space on a full disk:
--
--   SQL                         Go
--   places                      cursors of consumers (rookery.Cursor)
--   places.keep, places.memo    Cursor.RepeatFrom, Cursor.State
--   journal.letters             encoded entries (appendJournalRow)
--   marks, marks.marks          request keys, one batch of them encoded (appendKeyRow)
--   marks.newest                the latest RequestKey.ReceivedAt of the batch
--   accounts.rule, strangers    Account.FriendRule, Account.AllowStrangers
--   requests, asked             pending friend requests, latest notice of a friend request
--   requests.words              FriendRequest.Text
--   asker                       the account that asks for friendship
--   addresses                   networks from which an account has signed in
--   addresses.turn              the order in which they were used (knownAddress.lastUse)
--   meta.free                   bound below which all account numbers are taken
--   meta.forgotten              requestKeys.forgottenBefore
--   meta.run, commits, floor    numberRun and numberBound.floor
--   accounts.devices_made       devices ever created, the ID of the latest
--   accounts.taken              highest cursor of the forgotten devices
--   accounts.listed             entry up to which table conversations is complete
--   since                       SignedInAt of a session or device
--   sessions.by_number          Session.ConfirmsByNumber
--   removed                     numbers above which removed accounts continue

-- "Rook": tells a store of Rookery from other programs' databases.
PRAGMA application_id = 1383034731;

CREATE TABLE accounts (
    account       INTEGER PRIMARY KEY,
    nick          TEXT    NOT NULL,
    face          INTEGER NOT NULL,
    age           INTEGER NOT NULL,
    sex           INTEGER NOT NULL,
    blood         INTEGER NOT NULL,
    constellation INTEGER NOT NULL,
    animal        INTEGER NOT NULL,
    country       TEXT    NOT NULL,
    province      TEXT    NOT NULL,
    city          TEXT    NOT NULL,
    school        TEXT    NOT NULL,
    job           TEXT    NOT NULL,
    home_page     TEXT    NOT NULL,
    about         TEXT    NOT NULL,
    real_name     TEXT    NOT NULL,
    mail          TEXT    NOT NULL,
    phone         TEXT    NOT NULL,
    mobile        TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    post_code     TEXT    NOT NULL,
    rule          INTEGER NOT NULL,
    strangers     INTEGER NOT NULL,
    findable      INTEGER NOT NULL,
    show_private  INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    revision      INTEGER NOT NULL,
    credential    TEXT    NOT NULL
) STRICT;

INSERT INTO accounts VALUES (
    10000, 'Rookery', 0, 0, 0, 0, 0, 0, '', '', '', '', '', '', '', '', '', '', '', '', '',
    3, 0, 0, 0, CAST(unixepoch('subsec') * 1000000 AS INTEGER), 1, ''
);

-- A friendship is two rows, one for each side.
CREATE TABLE friends (
    account INTEGER NOT NULL,
    friend  INTEGER NOT NULL,
    PRIMARY KEY (account, friend)
) STRICT, WITHOUT ROWID;

-- Pending friend requests of asker to account.
CREATE TABLE requests (
    account INTEGER NOT NULL,
    asker   INTEGER NOT NULL,
    words   TEXT    NOT NULL,
    time    INTEGER NOT NULL,
    PRIMARY KEY (account, asker)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_asker ON requests (asker);

-- The mailboxes: one log for each account. ref is the number of an entry that
-- this one edits or deletes, origin the device that a sent message came from.
CREATE TABLE entries (
    account INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    peer    INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    text    TEXT    NOT NULL,
    ref     INTEGER NOT NULL DEFAULT 0,
    origin  TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

-- Entries that are not in the table entries yet, one row for each commit. The
-- format is described in journal.go.
CREATE TABLE journal (
    id      INTEGER PRIMARY KEY,
    letters BLOB NOT NULL
) STRICT;

-- The cursors of the consumers. device is empty for address sessions.
CREATE TABLE places (
    account INTEGER NOT NULL,
    device  TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    keep    INTEGER NOT NULL,
    memo    BLOB    NOT NULL,
    PRIMARY KEY (account, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    account  INTEGER NOT NULL,
    device   TEXT    NOT NULL,
    id       INTEGER NOT NULL,
    address  TEXT    NOT NULL,
    status   INTEGER NOT NULL,
    program  TEXT    NOT NULL,
    since    INTEGER NOT NULL,
    encoding INTEGER NOT NULL,
    PRIMARY KEY (account, device)
) STRICT, WITHOUT ROWID;

-- The latest networks of an account. turn counts its sign-ins from new ones.
CREATE TABLE addresses (
    account INTEGER NOT NULL,
    address TEXT    NOT NULL,
    turn    INTEGER NOT NULL,
    PRIMARY KEY (account, address)
) STRICT, WITHOUT ROWID;

-- Request keys, one row for each commit. newest is the latest time in the row,
-- in nanoseconds of uptime. The format is described in requestkeys.go.
CREATE TABLE marks (
    id     INTEGER PRIMARY KEY,
    newest INTEGER NOT NULL,
    marks  BLOB    NOT NULL
) STRICT;

-- uptime and forgotten are nanoseconds of uptime, see RecordUptime. All numbers from
-- 10000 up to free are taken.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('uptime', 0), ('forgotten', 0), ('free', 10001);
