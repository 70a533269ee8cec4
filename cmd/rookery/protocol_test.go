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
	// studyRequests is enough to try and attack everything that the prober knows how to.
	studyRequests = 18000
	// What a study has to find of what the protocol's description says.
	leastRecall = 0.85
)

// The prober studies the server, knowing nothing but an experiment file. What it finds
// is held against the page that people read, and against what the server should do.
func TestProtocolPageMatchesTheServer(t *testing.T) {
	skipUnderRaceDetector(t)
	t.Parallel()
	p := newProbedServer(t)
	began := time.Now()
	found, l := p.study("http-qq-1.4", studyRequests)
	t.Logf("%d requests in %d experiments, %v", l.Sent(), l.Attempts(), time.Since(began).Round(100*time.Millisecond))
	if found.Stopped != "" {
		t.Fatalf("the study ended early: %s", found.Stopped)
	}
	t.Run("what the prober states is true, and most of what there is", func(t *testing.T) {
		if recall := judgeFacts(t, found.Facts, "1.4"); recall < leastRecall {
			t.Errorf("recall is %.3f, it has to be %.2f", recall, leastRecall)
		}
	})
	t.Run("the tables of the page are what it finds", func(t *testing.T) { checkPage(t, found) })
}

// study studies the server by a shipped experiment file.
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

// experimentFile is a shipped file, with the control URLs of the probed server, and
// accounts that the file only hints at.
func (p *probedServer) experimentFile(name string) *experiment.File {
	p.t.Helper()
	text, ok := experiment.ReadShipped(name)
	if !ok {
		p.t.Fatalf("there is no experiment file %s", name)
	}
	f, err := experiment.Parse(name, text, func(string) (string, bool) { return "", false })
	p.must(err)
	f.Reset = experiment.ResetMethod{Kind: experiment.ResetURL, URL: p.control.URL + "/reset"}
	f.Clock = experiment.ServerClock{URL: p.control.URL + "/clock"}
	f.Limits.RequestRate, f.Limits.TotalTime = 0, 0
	f.Accounts = append(f.Accounts,
		experiment.Account{Role: "many", Number: popular.String(), Secret: castPassword},
		experiment.Account{Role: "open", Number: welcoming().UIN.String(), Secret: castPassword})
	return f
}

// probeBlock is a generated part of the page: <!-- probe: NAME WORDS... -->, what is
// generated, <!-- /probe -->.
var probeBlock = regexp.MustCompile(`(?s)<!-- probe: ([^>]*?) -->\n.*?<!-- /probe -->`)

// checkPage holds the generated parts of the page against a study or, with -update,
// writes them.
func checkPage(t *testing.T, found *finding.Study) {
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
		t.Errorf("the server and docs/protocol.md part. If the server is right: go test ./cmd/rookery -run "+
			"TestProtocolPage -update\n%s",
			diff.Diff("docs/protocol.md", page, "what the server does", []byte(want)))
	}
}

// Whoever begins with a shipped file shall get answers.
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
				t.Errorf("%s: %s is answered %s", name, a.Request, a.Body)
			}
		}
	}
}
