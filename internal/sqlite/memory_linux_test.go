package sqlite

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/rookery-im/rookery"
)

// residentMiB returns the resident memory of the process in MiB.
func residentMiB(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var pages int
	for _, digit := range strings.Fields(string(statm))[1] {
		pages = 10*pages + int(digit-'0')
	}
	return pages * os.Getpagesize() >> 20
}

func TestReleaseMemoryFreesIdlePages(t *testing.T) {
	store, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "store.db"), ReadConnections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.CreateAccount(
		t.Context(), rookery.NewAccount(rookery.FirstUIN, "nick", noon), "secret",
	); err != nil {
		t.Fatal(err)
	}
	const entryCount = 6000
	text := strings.Repeat("x", rookery.MaxText)
	for n := 0; n < entryCount; n += 100 {
		list := make([]rookery.NewEntry, 100)
		for i := range list {
			list[i] = rookery.NewEntry{
				To: rookery.FirstUIN, Kind: rookery.KindMessage, Peer: rookery.System, Text: text,
			}
		}
		if _, err := store.Deliver(t.Context(), list, noon, rookery.RequestKey{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := store.History(
		t.Context(), rookery.FirstUIN, rookery.HistoryQuery{Text: "y", Limit: 1},
	); err != nil {
		t.Fatal(err)
	}
	before := residentMiB(t)
	for range 2 { // the first call only notes which connections were used
		if err := store.ReleaseMemory(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	const cached = entryCount * rookery.MaxText >> 20 // the writer caches the pages of all entries
	if after := residentMiB(t); after > before-cached {
		t.Errorf("%d MiB of %d MiB are resident afterwards, want at most %d", after, before, before-cached)
	}
	if _, err := store.Account(t.Context(), rookery.FirstUIN); err != nil {
		t.Error(err)
	}
}
