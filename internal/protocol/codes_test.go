package protocol

import (
	"testing"

	"github.com/rookery-im/rookery"
)

func TestEveryCodeHasARES(t *testing.T) {
	for _, code := range rookery.Codes() {
		if _, ok := resCodes[code]; !ok {
			t.Errorf("code %d has no RES", code)
		}
	}
	if len(resCodes) != len(rookery.Codes()) {
		t.Errorf("%d codes have a RES, there are %d", len(resCodes), len(rookery.Codes()))
	}
}

func TestCommandsAreFoundWithoutCase(t *testing.T) {
	for _, name := range []string{"Change_Stat", "Change_stat", "CHANGE_STAT"} {
		if row := commands.find(name); row == nil || row.name != "Change_Stat" {
			t.Errorf("%s is found as %v", name, row)
		}
	}
	if row := commands.find("Change"); row != nil {
		t.Errorf("a part of a name is found as %s", row.name)
	}
}
