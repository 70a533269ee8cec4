package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/study"
)

var update = flag.Bool("update", false, "write the tables of docs/protocol.md anew")

const (
	protocolPage = "../../docs/protocol.md"
	// studyRequests is enough for every experiment that the prober plans.
	studyRequests = 18000
	// minRecall is the share of the true facts that a study must find.
	minRecall = 0.85
)

// TestProtocolPageMatchesTheServer lets the prober study the server with a shipped
// experiment file. It compares the facts with what is true of the server, and the tables
// made of them with docs/protocol.md.
func TestProtocolPageMatchesTheServer(t *testing.T) {
	skipLongTest(t)
	t.Parallel()
	p := newProbedServer(t)
	began := time.Now()
	found, l := p.study("http-qq-1.4", studyRequests)
	t.Logf("%d requests in %d experiments, %v", l.Sent(), l.Attempts(), time.Since(began).Round(100*time.Millisecond))
	if found.Stopped != "" {
		t.Fatalf("the study ended early: %s", found.Stopped)
	}
	t.Run("facts are true and nearly complete", func(t *testing.T) {
		if recall := judgeFacts(t, found.Facts, "1.4"); recall < minRecall {
			t.Errorf("recall = %.3f, want at least %.2f", recall, minRecall)
		}
	})
	t.Run("tables of the page are up to date", func(t *testing.T) { compareOrUpdatePage(t, found) })
}

// study runs a study of the server with a shipped experiment file.
func (p *probedServer) study(name string, requests int) (*finding.Study, *lab.Lab) {
	p.t.Helper()
	f := p.experimentFile(name)
	url := "http://" + p.addr() + "/"
	l, err := lab.New(lab.Config{File: f, URL: url, Name: "a", MaxRequests: requests, Salt: 1})
	p.must(err)
	defer l.Close()
	found, err := study.Run(p.t.Context(), study.Config{File: f, Subject: l, MaxRequests: requests, Seed: 1,
		ConfirmFacts: true, Server: url})
	p.must(err)
	return found, l
}

// experimentFile returns a shipped file with the control URLs of the probed server. It
// also names the accounts that the file only suggests.
func (p *probedServer) experimentFile(name string) *experiment.File {
	p.t.Helper()
	text, ok := experiment.ReadShipped(name)
	if !ok {
		p.t.Fatalf("no shipped experiment file is called %s", name)
	}
	f, err := experiment.Parse(name, text, func(string) (string, bool) { return "", false })
	p.must(err)
	f.Reset = experiment.ResetMethod{Kind: experiment.ResetURL, URL: p.control.URL + "/reset"}
	f.Clock = experiment.ServerClock{URL: p.control.URL + "/clock"}
	f.Limits.RequestRate, f.Limits.TotalTime = 0, 0
	f.Accounts = append(f.Accounts,
		experiment.Account{Role: "many", Number: popular.String(), Secret: probedPassword},
		experiment.Account{Role: "open", Number: openAccount().UIN.String(), Secret: probedPassword})
	return f
}

// probeBlock matches a generated table of the page, from <!-- probe: NAME ARGUMENTS... -->
// to <!-- /probe -->.
var probeBlock = regexp.MustCompile(`(?s)<!-- probe: ([^>]*?) -->\n.*?<!-- /probe -->`)

// compareOrUpdatePage compares the generated tables of the page with a study or, with
// -update, writes them.
func compareOrUpdatePage(t *testing.T, found *finding.Study) {
	page, err := os.ReadFile(protocolPage)
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	want := probeBlock.ReplaceAllStringFunc(string(page), func(block string) string {
		blocks++
		name := probeBlock.FindStringSubmatch(block)[1]
		text, err := makeTable(found, strings.Fields(name)[0], strings.Fields(name)[1:]...)
		if err != nil {
			t.Error(err)
			return block
		}
		return fmt.Sprintf("<!-- probe: %s -->\n%s<!-- /probe -->", name, text)
	})
	if blocks == 0 {
		t.Fatalf("%s has no generated tables", protocolPage)
	}
	switch {
	case want == string(page):
	case *update:
		if err := os.WriteFile(protocolPage, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/protocol.md differs from the server. If the server is right, run go test ./cmd/rookery "+
			"-run TestProtocolPage -update\n%s",
			diff.Diff("docs/protocol.md", page, "the server", []byte(want)))
	}
}

// TestCommandsOfShippedExperimentFilesWork sends each command of the files once, so that
// a newcomer who starts with them gets answers.
func TestCommandsOfShippedExperimentFilesWork(t *testing.T) {
	p := newProbedServer(t)
	for _, name := range []string{"http-qq-1.1", "http-qq-1.4"} {
		f := p.experimentFile(name)
		l, err := lab.New(lab.Config{File: f, URL: "http://" + p.addr() + "/", Name: "a", MaxRequests: 1000, Salt: 1})
		p.must(err)
		defer l.Close()
		login := func(role string) experiment.Step { return experiment.Step{Role: role, Command: "Login"} }
		for _, c := range f.Commands {
			steps := []experiment.Step{login("a"), login("b"), {Role: "a", Command: c.Name}}
			trace, err := l.Run(t.Context(), steps, 0)
			p.must(err)
			if a := &trace.Answers[2]; !lab.IsDone(f, c.Name, a) {
				t.Errorf("%s: the answer to %s is %s, want success", name, a.Request, a.Body)
			}
		}
	}
}
