package protocol

import (
	"strings"
	"testing"

	"github.com/rookery-im/rookery"
)

func TestEveryCodeHasARES(t *testing.T) {
	for _, code := range rookery.Codes() {
		if _, ok := resultCodes[code]; !ok {
			t.Errorf("code %d has no RES", code)
		}
	}
	if len(resultCodes) != len(rookery.Codes()) {
		t.Errorf("%d codes have a RES, there are %d", len(resultCodes), len(rookery.Codes()))
	}
}

func TestFindFoldIgnoresCase(t *testing.T) {
	for _, name := range []string{"Change_Stat", "Change_stat", "CHANGE_STAT"} {
		if row := commands.findFold([]byte(name)); row == nil || row.name != "Change_Stat" {
			t.Errorf("findFold(%s) returned %v, want Change_Stat", name, row)
		}
	}
	if row := commands.findFold([]byte("Change")); row != nil {
		t.Errorf("findFold of a part of a name returned %s, want none", row.name)
	}
}

// Two non-ASCII letters have an ASCII letter as their other case. Package wire does not match them
// in names. If a command were found by them, its record would have been parsed by other rules.
func TestFindFoldFoldsOnlyASCII(t *testing.T) {
	foreign := strings.NewReplacer("s", "\u017F", "S", "\u017F", "k", "\u212A", "K", "\u212A")
	for _, c := range commands {
		other := foreign.Replace(c.name)
		if row := commands.findFold([]byte(other)); row != nil && other != c.name {
			t.Errorf("findFold(%q) returned %s, want none", other, row.name)
		}
	}
	if confirms := (&clientRequest{commandName: foreign.Replace(pushMessage)}).isConfirmation(); confirms {
		t.Errorf("%q confirms", foreign.Replace(pushMessage))
	}
}
