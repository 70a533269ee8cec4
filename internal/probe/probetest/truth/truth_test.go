package truth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/probetest/truth"
)

func rookery(t *testing.T) truth.Table {
	t.Helper()
	table, err := truth.Rookery()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func observed(id, value string) finding.Fact {
	return finding.Fact{ID: id, Value: value, Grade: finding.Observed}
}

// Each rule must be able to fail: a false fact of its aspect must be reported.
func TestJudgeReportsAFalseFactOfEachAspect(t *testing.T) {
	table := rookery(t)
	examples := map[finding.Aspect][][3]string{ // ID, true value, false value
		finding.AspectParameter: {
			{"List/parameter/TN/default", "160", "50"},
			{"Finger/parameter/AG/value-x", "answered RES=1", "taken"},
			{"List/parameter/TN/decides-about", "SN UN", "SN UN CMD"},
			{"GetInfo/parameter/UN/numbers-from-12002", "RES=5", "RES=0"},
			{"CLTMSG/parameter/UIN/value-another-account", "answered RES=20", "answered RES=5"},
			{"Query_Stat/parameter/UN/escapes", "read", "not read"},
			{"List/parameter/UN/place-in-the-request", "any", "matters"},
			{"CLTMSG/parameter/MG/spaces-around", "not left out", "left out"},
			{"List/parameter/hidden-keys/tried", "450", "449"},
			{"Login/parameter/M5-PS/with-M5=0,-with-PS={secret}", "as usual", "RES=0 RS=1"},
			{"List/parameter/TN/TN=0-against-no-TN,-without-UN", "alike", "SN=0 UN=, not SN=1 UN={b},"},
			{"Login/parameter/M6/value-1", "taken", "answered RES=1"},
		},
		finding.AspectField: {
			{"List/field/FN/is", "enum", "constant"},
			{"CLTMSG/field/RES/can-be-RES=3/logged-in", "yes", "no"},
			{"Logout/field/RES/can-be-RES=20/logged-out", "no", "yes"},
			{"GetInfo/field/LV/is", "text", "constant"},
		},
		finding.AspectPaging: {
			{"List/paging/UN/order", "ascending", "descending"},
			{"Finger/paging/UN/an-element-removed-meanwhile", "begins after it", "gives nothing"},
		},
		finding.AspectSession: {
			{"*/session/after-logout/state", "not logged in", "logged in"},
			{"Login/session/failed-logins/lock-after", "5", "3"},
		},
		finding.AspectTimer: {
			{"*/timer/session/length", "299 to 300 s", "239 to 240 s"},
			{"*/timer/memory-of-a-short-mark/length", "1 to 15 s", "15 to 16 s"},
			{"*/timer/lock-after-failed-logins/after-9-s", "not over", "over"},
			{"*/timer/lock-after-failed-logins/after-10-s", "over", "not over"},
			{"List/timer/session/List", "refreshes", "does not refresh"},
		},
		finding.AspectPresence:   {{"Query_Stat/presence/ST=40/a-friend-sees", "as offline", "as online"}},
		finding.AspectMessage:    {{"GetMsgEx/message/batch/most", "50", "10"}},
		finding.AspectFriendship: {{"List/friendship/request,-delete,-accept/lists-the-other", "both", "neither"}},
		finding.AspectEncoding:   {{"CLTMSG/encoding/a-plus-sign/arrives", "as it is meant", `"a b"`}},
		finding.AspectTransport:  {{"*/transport/together/is", "answered as usual", "answered otherwise: status 400"}},
		finding.AspectLimit:      {{"*/limit/requests/then-status-429", "none", "about 20, again after at most 10 s"}},
	}
	for _, aspect := range finding.Aspects() {
		if len(examples[aspect]) == 0 {
			t.Errorf("there is no example of the aspect %s", aspect)
		}
		for _, f := range examples[aspect] {
			if !strings.Contains(f[0], "/"+string(aspect)+"/") {
				t.Errorf("%s is no fact of the aspect %s", f[0], aspect)
			}
			if got := table.Judge([]finding.Fact{observed(f[0], f[1])}); got != nil {
				t.Errorf("a true fact is reported: %q", got)
			}
			if got := table.Judge([]finding.Fact{observed(f[0], f[2])}); len(got) != 1 ||
				!strings.HasPrefix(got[0], "false: "+f[0]+" = "+f[2]) {
				t.Errorf("%s = %s is false, but the report is %q", f[0], f[2], got)
			}
		}
	}
}

func TestJudgeReportsAFactWithoutARow(t *testing.T) {
	facts := []finding.Fact{observed("List/parameter/TN/colour", "blue"),
		{ID: "List/parameter/TN/taste", Value: "sour", Grade: finding.Contested}}
	want := []string{"no rule covers this fact: List/parameter/TN/colour = blue"}
	if got := rookery(t).Judge(facts); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRowIsMissingUntilAFactConfirmsIt(t *testing.T) {
	table, err := truth.Parse("A/paging/n/most = 50\n*/timer/session/ends-after = 300\n~ */field/*/is = list\n")
	if err != nil {
		t.Fatal(err)
	}
	names := func(facts ...finding.Fact) (names []string) {
		missing, total := table.Missing(facts)
		if total != 2 {
			t.Errorf("facts could confirm %d rows, want 2", total)
		}
		for _, row := range missing {
			names = append(names, row.ID)
		}
		return names
	}
	most, length := observed("A/paging/n/most", "50"), observed("*/timer/session/length", "299 to 300 s")
	if got, want := names(), []string{"A/paging/n/most", "*/timer/session/length"}; !slices.Equal(got, want) {
		t.Errorf("without facts %q are missing, want %q", got, want)
	}
	if got := names(most, length); got != nil {
		t.Errorf("with all facts %q are missing", got)
	}
	most.Value, length.Grade = "49", finding.Contested
	if got := names(most, length); len(got) != 2 {
		t.Errorf("with a wrong and a contested fact %q are missing", got)
	}
}
