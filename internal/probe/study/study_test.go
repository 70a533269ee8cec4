package study_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/study"
)

const (
	httpQQ = "../compare/testdata/reference.yaml"
	madeUp = "../experiment/files/made-up.yaml"
)

// server starts a reference server and a lab with a budget of requests.
func server(t *testing.T, path string, c probetest.Config, requests int) (*experiment.File, *lab.Lab) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := probetest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	l, err := lab.New(lab.Config{File: file, URL: url, Name: "a", MaxRequests: requests, Salt: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return file, l
}

// run studies a reference server.
func run(t *testing.T, path string, c probetest.Config, requests int, confirm bool) *finding.Study {
	t.Helper()
	file, l := server(t, path, c, requests)
	out, err := study.Run(context.Background(), study.Config{File: file, Subject: l, MaxRequests: requests, Seed: 1,
		ConfirmFacts: confirm})
	if err != nil {
		t.Fatal(err)
	}
	if l.Sent() > requests {
		t.Errorf("%d requests, more than the budget of %d", l.Sent(), requests)
	}
	out.Tries, out.Faults = l.Attempts(), l.TransportFaults()
	return out
}

// If all accounts have few friends, every page is the last one, so nothing is known about the field
// that says so. One more friend does not change that.
func TestFieldIsConstantOnlyIfAnswersVary(t *testing.T) {
	t.Parallel()
	for name, reset := range map[string]experiment.ResetKind{"a control URL resets": experiment.ResetURL,
		"commands reset": experiment.ResetCommands} {
		file, l := server(t, httpQQ, probetest.Config{}, enough)
		few := *file
		few.Accounts, few.Reset.Kind = file.Accounts[:3], reset
		l.File = &few
		out, err := study.Run(context.Background(),
			study.Config{File: &few, Subject: l, MaxRequests: 3000, Seed: 1, ConfirmFacts: true})
		if err != nil {
			t.Fatal(err)
		}
		known := false
		for _, fact := range out.Facts {
			if fact.Aspect != finding.AspectField || fact.Name != "FN" || fact.Claim != "is" {
				continue
			}
			known = true
			if fact.Value == "constant" {
				t.Errorf("%s: %s: %s", name, fact.ID, fact.Statement)
			}
		}
		if !known {
			t.Errorf("%s: no command was seen to have the field", name)
		}
	}
}

func TestStudyWithoutPlacesUsesOneAddress(t *testing.T) {
	t.Parallel()
	file, l := server(t, httpQQ, probetest.Config{}, enough)
	onePlace := *file
	onePlace.Places = []string{""}
	l.File = &onePlace
	out, err := study.Run(context.Background(), study.Config{File: &onePlace, Subject: l, MaxRequests: 2000, Seed: 1,
		ConfirmFacts: true})
	if err != nil {
		t.Fatal(err)
	}
	missing := finding.UntestedItem{
		What: "sessions: login, asked from another place",
		Why:  "the experiment file lacks a command, an account or a second place for it",
	}
	if !slices.Contains(out.Untested, missing) {
		t.Errorf("got %v, want an item for the second place", out.Untested)
	}
}

// enough is a budget with which all phases except for the last end by themselves.
const enough = 9000

func TestStudyStatesWhatTheServerDoes(t *testing.T) {
	t.Parallel()
	out := run(t, httpQQ, probetest.Config{}, enough, true)
	for id, want := range map[string]string{
		"List/session/session/needs":                            "needed",
		"*/session/after-logout/state":                          "not logged in",
		"*/session/after-second-login-from-another-place/state": "not logged in",
		"*/session/after-failed-login-while-logged-in/state":    "logged in",
		"Login/session/failed-logins/lock-after":                "5",
		"*/timer/session/length":                                "299 to 300 s",
		"*/timer/session/kind":                                  "idle",
		"*/timer/lock-after-failed-logins/length":               "59 to 60 s",
		"*/timer/memory-of-a-long-mark/length":                  "120 to 121 s",
		"*/timer/memory-of-a-short-mark/length":                 "15 to 16 s",
		"GetMsgEx/timer/session/GetMsgEx":                       "refreshes",
		"GetMsgEx/message/to-a-logged-out-account/arrives":      "1 and then 0 times",
		"GetMsgEx/message/batch/most":                           "50",
		"Query_Stat/presence/ST=40/a-friend-sees":               "as offline",
		"Query_Stat/presence/ST=30/a-friend-sees":               "as online",
		"List/friendship/request,-then-accept/lists-the-other":  "both",
		"List/friendship/delete/lists-the-other":                "neither",
		"List/friendship/requests-that-cross/lists-the-other":   "both",
		"List/paging/UN/order":                                  "ascending",
		"List/paging/UN/the-page-begins":                        "after the element it names",
		"List/parameter/VER/presence":                           "required",
		"List/parameter/SEQ/presence":                           "optional",
		"List/parameter/SEQ/longest":                            "32",
		"List/parameter/TN/given-twice":                         "the first counts",
		"GetInfo/parameter/LV/default":                          "2",
		"Login/parameter/LC/meaning":                            "ignored",
		"List/field/SN/is":                                      "count UN",
		"List/field/SEQ/is":                                     "echo SEQ",
		"Login/field/HI/is":                                     "constant",
		"List/field/fields/order":                               "VER CMD SEQ UIN RES FN SN UN",
		"GetMsgEx/field/MT-and-MG/are":                          "parallel lists",
		"CLTMSG/encoding/a-plus-sign/arrives":                   "as it is meant",
		"CLTMSG/encoding/declared-gbk/arrives":                  "as it is meant",
		"*/transport/get/is":                                    "answered otherwise: status 404",
		"GetMsgEx/message/repeat-with-a-long-mark/at-once":      "1 of 2",
		"GetMsgEx/message/collecting/again-with-the-same-mark":  "1, 1, 0",
		"GetMsgEx/message/repeat-with-an-empty-mark/at-once":    "2 of 2",
	} {
		fact := factOf(out, id)
		switch {
		case fact == nil:
			t.Errorf("the study has no fact %s", id)
		case fact.Value != want:
			t.Errorf("%s is %q, want %q", id, fact.Value, want)
		case fact.Grade != finding.Confirmed && fact.Grade != finding.Observed:
			t.Errorf("%s has the grade %s", id, fact.Grade)
		}
	}
	for _, fact := range out.Facts {
		if fact.Grade == finding.Contested {
			t.Errorf("%s is contested: for it %v, against it %v", fact.ID, fact.Evidence, fact.Against)
		}
		if fact.Grade == finding.Confirmed && len(fact.Evidence) == 0 {
			t.Errorf("%s is confirmed without evidence in the transcript", fact.ID)
		}
	}
}

func factOf(out *finding.Study, id string) *finding.Fact {
	index := slices.IndexFunc(out.Facts, func(fact finding.Fact) bool { return fact.ID == id })
	if index < 0 {
		return nil
	}
	return &out.Facts[index]
}

func TestRenamedProtocolGivesTheSameFacts(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	t.Parallel()
	const budget = 4500
	plain := run(t, httpQQ, probetest.Config{}, budget, false)
	renamed := run(t, madeUp, probetest.Config{Dialect: probetest.MadeUp()}, budget, false)
	names := renaming()
	// Facts whose names and values are words of the protocol could only be compared with a table of
	// all words. Facts about roles, times, orders and states need none.
	known := make(map[string]string)
	for _, fact := range renamed.Facts {
		known[fact.ID] = fact.Value
	}
	same, other := 0, 0
	for _, fact := range plain.Facts {
		switch fact.Aspect {
		case finding.AspectSession, finding.AspectTimer, finding.AspectMessage, finding.AspectFriendship:
		default:
			continue
		}
		fact.Command = names.Replace(fact.Command)
		id := strings.Replace(fact.ID, strings.SplitN(fact.ID, "/", 2)[0], fact.Command, 1)
		if fact.Aspect == finding.AspectTimer || fact.Aspect == finding.AspectSession {
			id = names.Replace(id)
		}
		value := roles.Replace(fact.Value)
		if got, ok := known[id]; ok && got == value {
			same++
			continue
		}
		other++
		t.Logf("%s is %q in HTTP QQ, and %q in the dialect", id, value, known[id])
	}
	t.Logf("%d facts are the same in the dialect, %d are not", same, other)
	if same < 120 || other > same/50 {
		t.Errorf("got %d equal facts and %d others", same, other)
	}
}

// roles maps the account names of one experiment file to those of the other.
var roles = strings.NewReplacer("stranger alone", "cat alone", "a alone", "ann alone", "b alone", "ben alone")

// renaming maps commands to their names in the dialect.
func renaming() *strings.Replacer {
	d := probetest.MadeUp()
	var pairs []string
	for _, name := range []string{
		"Login", "Logout", "Change_Stat", "Query_Stat2", "Query_Stat", "SimpleInfo2", "GetInfo", "Ack_AddToList",
		"AddToList",
		"DelFromList", "Finger", "CLTMSG", "GetMsgEx", "List",
	} {
		pairs = append(pairs, name, d.CommandName(name))
	}
	return strings.NewReplacer(pairs...)
}

func TestLostRequestsChangeNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	t.Parallel()
	const budget = 5000
	plain := run(t, httpQQ, probetest.Config{}, budget, false)
	lossy := run(t, httpQQ, probetest.Config{Mutant: "lost-requests"}, 2*budget, false)
	if lossy.Faults == 0 {
		t.Error("no request was lost")
	}
	for _, fact := range plain.Facts {
		if fact.Claim == "tried" || fact.Claim == "answers" || strings.HasPrefix(fact.Claim, "can be ") {
			continue // depends on the budget
		}
		got := factOf(lossy, fact.ID)
		if got == nil {
			t.Errorf("with lost requests the study has no fact %s", fact.ID)
		} else if got.Value != fact.Value {
			t.Errorf("%s: got %q with lost requests, want %q", fact.ID, got.Value, fact.Value)
		}
	}
}

// The server's clock moves anyway. The study does not know that, and plans as if each wait took
// real time.
func TestAccountsWaitTogetherInRealTime(t *testing.T) {
	t.Parallel()
	file, l := server(t, httpQQ, probetest.Config{}, enough)
	withoutClock := *file
	withoutClock.Clock = experiment.ServerClock{}
	withoutClock.Limits.LongestWait = 10 * time.Minute
	out, err := study.Run(context.Background(), study.Config{File: &withoutClock, Subject: l, MaxRequests: enough,
		Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	index := slices.IndexFunc(out.Timers, func(timer finding.Timer) bool { return timer.Name == "session" })
	if index < 0 {
		t.Fatal("the study has no session timer")
	}
	timer := out.Timers[index]
	if timer.Low >= 300 || timer.High < 300 || timer.High-timer.Low > 6 {
		t.Errorf("the session ends between %g and %g s, want 300", timer.Low, timer.High)
	}
	if timer.Kind != "idle" || !slices.Contains(timer.RefreshedBy, "List") {
		t.Errorf("the timer is %s, refreshed by %v", timer.Kind, timer.RefreshedBy)
	}
}

func TestMachinesAreReportedOnlyAfterTheirTests(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes long; make test runs it")
	}
	t.Parallel()
	for _, budget := range []int{3000, 12000} {
		out := run(t, httpQQ, probetest.Config{}, budget, true)
		missing := 0
		for _, item := range out.Untested {
			if strings.HasPrefix(item.What, "state machine: ") {
				missing++
				if item.Requests < 100 {
					t.Errorf("%d requests: %+v does not say how many requests it needs", budget, item)
				}
			}
		}
		for _, machine := range out.Machines {
			if len(machine.States) < 2 || len(machine.Transitions) != len(machine.States)*len(machine.Inputs) ||
				!strings.Contains(machine.Guarantee, " random tests without") {
				t.Errorf("%d requests: the machine of %s has %d states and %d transitions: %s", budget, machine.Aspect,
					len(machine.States),
					len(machine.Transitions), machine.Guarantee)
			}
		}
		t.Logf("%d requests: %d machines, %d missing", budget, len(out.Machines), missing)
		if len(out.Machines)+missing != 5 || budget > 9000 && len(out.Machines) < 3 {
			t.Errorf("%d requests: %d machines, %d missing", budget, len(out.Machines), missing)
		}
	}
}

func TestComparisonSkipsRedundantPhases(t *testing.T) {
	t.Parallel()
	out := run(t, httpQQ, probetest.Config{}, 3000, false)
	for _, p := range out.Phases {
		if p.Name == "state machines" || p.Name == "hidden keys" {
			t.Errorf("%s took %d requests", p.Name, p.Requests)
		}
	}
	for _, item := range out.Untested {
		if strings.HasPrefix(item.Why, "the study ended before") {
			t.Errorf("%s is recorded as untested: %s", item.What, item.Why)
		}
	}
}

func TestStudyWithASmallBudgetNamesWhatItSkips(t *testing.T) {
	t.Parallel()
	out := run(t, httpQQ, probetest.Config{}, 300, true)
	if len(out.Facts) == 0 || len(out.Untested) == 0 {
		t.Errorf("got %d facts and %d untested items", len(out.Facts), len(out.Untested))
	}
	for _, name := range study.PhaseNames() {
		if !slices.ContainsFunc(out.Phases, func(p finding.PhaseSummary) bool { return p.Name == name }) &&
			!slices.ContainsFunc(out.Untested, func(item finding.UntestedItem) bool { return item.What == name }) {
			t.Errorf("phase %s was not run and is not recorded as untested", name)
		}
	}
}
