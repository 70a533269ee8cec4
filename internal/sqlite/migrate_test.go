package sqlite

import (
	"database/sql"
	"encoding/binary"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/rookery-im/rookery"
)

// createFirstReleaseStore creates a store as the first release left it after a crash: some entries are
// in their mailbox, others only in the journal.
func createFirstReleaseStore(t *testing.T, path string) {
	t.Helper()
	if err := prepareDatabaseFile(Config{Path: path}); err != nil {
		t.Fatal(err)
	}
	first, err := fs.ReadFile(migrationFiles, "migrations/00001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", fileURI(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	provider, err := goose.NewProvider(
		goose.DialectSQLite3, db, fstest.MapFS{"00001_first.sql": {Data: first}}, goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := openConnection(path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	for _, row := range []struct {
		statement string
		args      []any
	}{
		{
			"INSERT INTO accounts SELECT 10001, 'Pingu', 270, 3, 1, 2, 4, 5, '南极', 'p', 'c', 's', 'j', 'h', 'a', " +
				"'r', 'm', '1', '2', 'd', '3', 0, 1, 1, 1, ?, 7, 'secret'",
			[]any{noon},
		},
		{
			"INSERT INTO accounts SELECT 10002, '', 0, 0, 0, 0, 0, 0, '', '', '', '', '', '', '', '', '', '', '', " +
				"'', '', 1, 1, 1, 0, ?, 1, ''",
			[]any{noon},
		},
		{"INSERT INTO friends VALUES (10001, 10002), (10002, 10001)", nil},
		{"INSERT INTO requests VALUES (10001, 10003, 'hello', ?)", []any{noon}},
		{
			"INSERT INTO entries (account, number, kind, peer, time, text) VALUES (10001, 1, 9, 10002, ?, 'one')",
			[]any{noon},
		},
		{"INSERT INTO journal VALUES (1, ?)", []any{firstReleaseJournalRow("one", "two", "three")}},
		{"INSERT INTO places VALUES (10001, '', 1, 1, x'0102')", nil},
		{"INSERT INTO sessions VALUES (10001, '', 5, '192.0.2.1', 10, 'program', ?, 2)", []any{noon}},
		{"INSERT INTO addresses VALUES (10001, '192.0.2.1', 1)", nil},
		{
			"INSERT INTO marks VALUES (1, ?, ?)",
			[]any{time.Minute, appendKeyRow(nil, []storedKey{{keyWithID(1), rookery.OutcomeClosed}})},
		},
		{"UPDATE meta SET value = ? WHERE name = 'uptime'", []any{time.Hour}},
		{"UPDATE meta SET value = 10003 WHERE name = 'free'", nil},
	} {
		if _, err := conn.execute(row.statement, row.args...); err != nil {
			t.Fatal(err)
		}
	}
}

// firstReleaseJournalRow returns a journal row of version 1 with messages from 10002 to 10001,
// numbered from 1.
func firstReleaseJournalRow(texts ...string) []byte {
	blob := []byte{1}
	for i, text := range texts {
		for _, n := range []uint64{10001, uint64(i) + 1, uint64(rookery.KindMessage), 10002} {
			blob = binary.AppendUvarint(blob, n)
		}
		blob = binary.AppendVarint(blob, noon.UnixMicro())
		blob = append(binary.AppendUvarint(blob, uint64(len(text))), text...)
	}
	return blob
}

func TestFirstReleaseStoreMigratesWithoutLoss(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rookery.db")
	createFirstReleaseStore(t, path)
	for range 2 {
		store := openForTest(t, unsyncedConfig(path))
		checkFirstReleaseStore(t, store)
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// checkFirstReleaseStore compares a migrated store with the rows of createFirstReleaseStore.
func checkFirstReleaseStore(t *testing.T, store *Store) {
	t.Helper()
	ctx := t.Context()
	checkEqual := func(name string, err error, got, want any) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, error %v\nwant %+v", name, got, err, want)
		}
	}
	account, err := store.Account(ctx, 10001)
	checkEqual("account", err, account, rookery.Account{
		UIN: 10001,
		Profile: rookery.Profile{
			Nick: "Pingu", Face: 270, Age: 3, Sex: 1, Blood: 2, Constellation: 4, Animal: 5, Country: "南极",
			Province: "p", City: "c",
			School: "s", Job: "j", HomePage: "h", About: "a", RealName: "r", Mail: "m", Phone: "1", Mobile: "2",
			Address: "d", PostCode: "3",
		},
		AllowStrangers: true, Findable: true, ShowPrivate: true, Created: noon, Revision: 7,
	})
	credential, err := store.Credential(ctx, 10001)
	checkEqual("credential", err, credential, rookery.Credential("secret"))
	friends, err := store.Friends(ctx, 10001)
	checkEqual("friends", err, friends, []rookery.UIN{10002})
	requests, err := store.FriendRequests(ctx, 10001, 0, 10)
	checkEqual("requests", err, requests, []rookery.FriendRequest{{From: 10003, Text: "hello", Time: noon}})
	if got := mailboxTexts(t, store, 10001); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("the mailbox has texts %q, want one, two, three", got)
	}
	entries, more, err := store.History(ctx, 10001, rookery.HistoryQuery{Peer: 10002, Limit: 1})
	checkEqual(
		"history", err, entries,
		[]rookery.Entry{{Number: 3, Kind: rookery.KindMessage, Peer: 10002, Time: noon, Text: "three"}},
	)
	checkEqual("more history", nil, more, true)
	last, cursor, err := store.MailboxState(ctx, 10001, "")
	checkEqual("cursor", err, cursor, rookery.Cursor{Number: 1, RepeatFrom: 1, State: []byte{1, 2}})
	checkEqual("newest", nil, last, uint64(3))
	outcome, ok, err := store.RequestOutcome(ctx, keyWithID(1))
	checkEqual("outcome", err, outcome, rookery.OutcomeClosed)
	checkEqual("request is recorded", nil, ok, true)
	up, err := store.Uptime(ctx)
	checkEqual("uptime", err, up, time.Hour)
	devices, err := store.Devices(ctx, 10001)
	checkEqual("devices", err, devices, []rookery.Device(nil))
	var sessions []rookery.Session
	err = store.ForEachSession(
		ctx, func(session rookery.Session) bool { sessions = append(sessions, session); return true },
	)
	for i := range sessions {
		checkEqual("address", nil, sessions[i].Address.String(), "192.0.2.1")
		sessions[i].Address = rookery.Session{}.Address
	}
	checkEqual("sessions", err, sessions, []rookery.Session{{
		ID: 5, Account: 10001, Status: rookery.StatusOnline, Program: "program", SignedInAt: noon, Encoding: 2,
	}})
}

func TestMigratedAccountAcceptsDevices(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rookery.db")
	createFirstReleaseStore(t, path)
	store := openForTest(t, unsyncedConfig(path))
	phone := rookery.Session{ID: 6, Account: 10001, Device: "phone", SignedInAt: noon, Status: rookery.StatusOnline}
	if err := store.StartSession(t.Context(), phone, "secret"); err != nil {
		t.Fatal(err)
	}
	devices, err := store.Devices(t.Context(), 10001)
	if err != nil || len(devices) != 1 || devices[0].ID != 1 {
		t.Errorf("Devices returned %+v, want one with ID 1, error %v", devices, err)
	}
	if _, cursor, err := store.MailboxState(t.Context(), 10001, "phone"); err != nil || cursor.Number != 1 {
		t.Errorf("the cursor is %+v, want one at entry 1, error %v", cursor, err)
	}
}
