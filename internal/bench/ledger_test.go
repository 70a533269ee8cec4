package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
)

func TestTheLedgerFindsWhatTheStoreDoesNotHold(t *testing.T) {
	const from, to, other rookery.UIN = 10001, 10002, 10003
	text := func(count int) string { return fmt.Sprintf("%012d%s", count, textFiller) }
	for name, c := range map[string]struct {
		entries []string
		want    string // "" is no error
	}{
		"all of them":              {[]string{text(1), text(2)}, ""},
		"the last one is missing":  {[]string{text(1)}, "1 of 2"},
		"all are missing":          {nil, "0 of 2"},
		"the first one is missing": {[]string{text(2)}, "entry 3 holds message 2 where 1 follows"},
		"one too many":             {[]string{text(1), text(2), text(3)}, "3 of 2"},
		"one is there twice":       {[]string{text(1), text(1), text(2)}, "entry 4 holds message 1 where 2 follows"},
		"the order is another":     {[]string{text(2), text(1)}, "where 1 follows"},
		"one that was cut":         {[]string{text(1), text(2)[:20]}, "holds message 0 where 2 follows"},
		"one without its number":   {[]string{text(1), textFiller}, "holds message 0 where 2 follows"},
	} {
		m, err := readFakeStore(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		ledger := newLedger()
		*ledger.counterOf(from, to) = 2
		entries := []rookery.NewEntry{
			{To: to, Kind: rookery.KindMessage, Peer: from, Text: text(1)}, // before the ledger
			{To: to, Kind: rookery.KindMessage, Peer: other, Text: "of somebody else"},
		}
		ledger.startNumbers[to] = 1
		for _, s := range c.entries {
			entries = append(entries, rookery.NewEntry{To: to, Kind: rookery.KindMessage, Peer: from, Text: s})
		}
		if _, err := m.Deliver(t.Context(), entries, time.Time{}, rookery.RequestKey{}); err != nil {
			t.Fatal(err)
		}
		err = ledger.auditStore(t.Context(), m)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.Contains(err.Error(), "from 10001 to 10002")):
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
