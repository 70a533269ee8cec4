package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/journal"
)

// A run with the shipped file and the default budget answers the questions of the study
// of 2005, with a reset by commands, as in the file, or by a control URL. The test moves
// the server's clock, so the run does not wait for sessions to expire.
func TestDefaultRunAnswersTheStudyOf2005(t *testing.T) {
	skipLongTest(t)
	for name, reset := range map[string]string{"reset by commands": "", "reset by a control URL": "/reset"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testStudyOf2005(t, reset)
		})
	}
}

func testStudyOf2005(t *testing.T, reset string) {
	p := newProbedServer(t)
	p.must(p.reset(t.Context()))
	changes := journal.Overrides{ClockURL: p.control.URL + "/clock"}
	if reset != "" {
		changes.ResetURL = p.control.URL + reset
	}
	experiment, err := probe.LoadExperiment("http-qq-1.1", changes, func(string) (string, bool) { return "", false })
	p.must(err)
	experiment.File.Limits.RequestRate = 0
	dir := filepath.Join(t.TempDir(), "study")
	_, err = probe.Run(t.Context(), probe.Options{
		Experiment: experiment, ServerURLs: []string{"http://" + p.addr() + "/"}, Folder: dir,
		RequestBudget: experiment.File.Limits.Requests, Seed: 1,
	})
	p.must(err)
	text, err := os.ReadFile(filepath.Join(dir, "protocol.json"))
	p.must(err)
	var found finding.Study
	p.must(json.Unmarshal(text, &found))

	judgeFacts(t, found.Facts, "1.1")
	facts := make(map[string]finding.Fact)
	for _, f := range found.Facts {
		facts[f.ID] = f
	}
	for id, want := range map[string]string{
		// Login: which proofs it accepts.
		"Login/parameter/M5/with-M5=0":                                             "RES=0 RS=1",
		"Login/parameter/M5/with-M5=2":                                             "RES=0 RS=1",
		"Login/parameter/M5/with-M5=3":                                             "RES=0 RS=1",
		"Login/parameter/M5-M6/without-M5,-with-M6=1":                              "RES=0 RS=1",
		"Login/parameter/LC-M5-M6/without-M5,-with-M6=1,-with-LC=9326B87B234E7236": "RES=0 RS=1",
		"Login/parameter/M5-PS/with-M5=0,-with-PS={secret}":                        "as usual",
		"Login/parameter/M6/M6=1-against-no-M6,-without-M5":                        "alike",
		"Login/parameter/LC/with-LC=9326B87B234E7236":                              "as usual",
		// List: which keys it requires.
		"List/parameter/TN-UN/without-TN,-without-UN": "as usual",
		"List/parameter/TN-UN/with-TN=0,-without-UN":  "as usual",
		"List/parameter/UN/without-UN":                "as usual",
		"List/parameter/TN/without-TN":                "as usual",
		"List/parameter/UN/with-UN=18061":             "SN=0 UN=",
		// VER: an unknown version, and none.
		"List/parameter/VER/presence":  "required",
		"List/parameter/VER/value-9.9": "answered NULL",
		// SEQ: answers echo it, and a repeated SEQ sends no second message.
		"List/field/SEQ/is": "echo SEQ",
		"GetMsgEx/message/repeat-with-a-long-mark/at-once": "1 of 2",
	} {
		f, ok := facts[id]
		if !ok || f.Value != want {
			t.Errorf("%s = %q (grade %q), want %q", id, f.Value, f.Grade, want)
		}
	}
	if !slices.ContainsFunc(found.Timers, func(timer finding.Timer) bool {
		return timer.Name == "session" && timer.Low < 301 && timer.High >= 300 && timer.High-timer.Low < 3
	}) {
		t.Errorf("timers = %+v, want a session of 300 s", found.Timers)
	}
	tried := make(map[string]bool) // by command and key
	for _, row := range found.Matrix {
		if len(row.Cells) > 0 {
			tried[row.Command+" "+row.Key] = true
		}
	}
	for _, c := range experiment.File.Commands {
		if len(c.Purposes) > 1 {
			continue // one of its keys selects the purpose and is not varied
		}
		for _, pair := range c.Request {
			if !tried[c.Name+" "+pair.Key] {
				t.Errorf("the study did not vary %s of %s", pair.Key, c.Name)
			}
		}
	}
	for _, key := range []string{"PS", "M5", "LC", "M6"} {
		if !tried["Login "+key] {
			t.Errorf("the study did not vary %s of Login", key)
		}
	}
	if len(found.Scenarios) == 0 || found.Scenarios[0].Name != "what the study of 2005 tried" ||
		len(found.Scenarios[0].Facts) < 12 {
		t.Errorf("scenarios = %+v, want that of the study of 2005 first, with 12 facts or more", found.Scenarios)
	}
	for _, f := range found.Facts {
		if f.Command == "Login" && f.Name == "M5" && strings.HasPrefix(f.Claim, "value") &&
			!strings.Contains(f.Statement, "with PS=") {
			t.Errorf("the statement does not name the proof on which it depends: %s", f.Statement)
		}
	}
	t.Logf("%d requests", found.Requests[0])
}
