package probe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe"
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/probetest"
)

// loadChanged loads the reference server's file with texts replaced.
func loadChanged(t testing.TB, oldnew ...string) *probe.LoadedExperiment {
	t.Helper()
	text, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "changed.yaml")
	if err := os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	experiment, err := probe.LoadExperiment(path, journal.Overrides{},
		func(string) (string, bool) { return "from outside", true })
	if err != nil {
		t.Fatal(err)
	}
	return experiment
}

// checkRefused checks that Run fails with a SetupError that contains words, and that it leaves no
// folder.
func checkRefused(t testing.TB, options probe.Options, words ...string) {
	t.Helper()
	_, err := probe.Run(context.Background(), options)
	var refusal *probe.SetupError
	if !errors.As(err, &refusal) {
		t.Fatalf("got the error %v, want a SetupError", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want %q in it", err, w)
		}
	}
	if _, err := os.Stat(options.Folder); err == nil {
		t.Error("Run left a folder")
	}
}

func TestRunRefusesAnUnreachableServer(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopClosing()
	checkRefused(t, newOptions(t, url), "out of reach", "is it running")
}

func TestRunRefusesAServerOfAnotherKind(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter,
			_ *http.Request) {
			io.WriteString(w, `<html lang="en"><p>hello`)
		},
		"a text":         func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") },
		"status 404":     http.NotFound,
		"other records":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a=1&b=2") },
		"nothing at all": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			o := newOptions(t, s.URL+"/")
			o.Experiment = loadChanged(t, "reset: {url: /control/reset}", "reset: commands",
				"clock: {url: /control/clock}",
				"clock: real")
			if name == "nothing at all" {
				checkRefused(t, o, "takes connections and answers nothing")
				return
			}
			checkRefused(t, o, "is no server of the kind")
		})
	}
}

func TestRunRefusesABrokenControlURL(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.Experiment = loadChanged(t, "/control/reset", "/control/nothing")
	checkRefused(t, o, "/control/nothing", "status 404")
}

func TestRunRefusesAControlURLWithoutEffect(t *testing.T) {
	for path, words := range map[string]string{
		"/control/reset": "the control URL /control/reset resets nothing",
		"/control/clock": "the control URL /control/clock moves no clock",
	} {
		server := startServer(t, probetest.Config{})
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				return
			}
			resp, err := http.Post(server+strings.TrimPrefix(r.URL.Path, "/"), r.Header.Get("Content-Type"),
				r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			defer resp.Body.Close()
			w.WriteHeader(resp.StatusCode)
			io.Copy(w, resp.Body)
		}))
		t.Cleanup(s.Close)
		checkRefused(t, newOptions(t, s.URL+"/"), words)
	}
}

func TestRefusedPasswordNamesItsSource(t *testing.T) {
	url := startServer(t, probetest.Config{})
	b := `b:        {account: 10002, secret: "123456"}`
	for secret, words := range map[string][]string{
		`wrong`:               {"line 6 of", "changed.yaml"},
		`$PROBE_B`:            {"environment variable PROBE_B"},
		`"${PROBE_B:-wrong}"`: {"environment variable PROBE_B"},
	} {
		for _, reset := range []string{"reset: commands", "reset: {url: /control/reset}"} {
			o := newOptions(t, url)
			o.Experiment = loadChanged(t, b, `b:        {account: 10002, secret: `+secret+`}`,
				"reset: {url: /control/reset}", reset)
			checkRefused(t, o, append(words, "login of b (account 10002)")...)
		}
	}
}

// The error names each unusable account and its remedy.
func TestRefusalNamesAllUnusableAccounts(t *testing.T) {
	url := startServer(t, probetest.Config{})
	for _, reset := range []string{"reset: commands", "reset: {url: /control/reset}"} {
		o := newOptions(t, url)
		o.Experiment = loadChanged(t,
			`b:        {account: 10002, secret: "123456"}`, `b:        {account: 10999, secret: "${PROBE_B:-123456}"}`,
			`stranger: {account: 10003, secret: "123456"}`, `stranger: {account: 10003, secret: wrong}`,
			"friends: [[a, b]]", "friends: []",
			"reset: {url: /control/reset}", reset)
		checkRefused(t, o, "2 accounts cannot be used", "login of b (account 10999)", "create the account",
			"environment variable PROBE_B holds", "set PROBE_B",
			"login of stranger (account 10003)", "line 7 of")
	}
}

func TestRunRefusesAccountsThatAreNotFriends(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.Experiment = loadChanged(t, "friends: [[a, b]]", "friends: [[a, stranger]]")
	checkRefused(t, o, "does not list account 10003 (stranger)", "make them friends")
}

func TestRunRefusesAnAccountInUse(t *testing.T) {
	url := startServer(t, probetest.Config{})
	login := "VER=1.1&CMD=Login&SEQ=12345678&UIN=10002&PS=e10adc3949ba59abbe56e057f20f883e&M5=1&LC=9326B87B234E7235"
	resp, err := http.Post(url, "text/plain; charset=UTF-8", strings.NewReader(login))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	o := newOptions(t, url)
	o.Experiment = loadChanged(t, "reset: {url: /control/reset}", "reset: commands")
	checkRefused(t, o, "account 10002 (b) is in use")

	o.Experiment = loadChanged(t, "reset: {url: /control/reset}",
		"reset: pool\npool: {first: 10002, last: 10200, secret: 123456}")
	checkRefused(t, o, "account 10002 (a) is in use")
}

func TestRunRefusesATooSmallBudget(t *testing.T) {
	c := listenAndCount(t, "127.0.0.1:0")
	o := newOptions(t, "http://"+c.Addr().String()+"/")
	o.RequestBudget = 20
	checkRefused(t, o, "a budget of 20 requests cannot suffice", "--budget")
	if n := c.connections.Load(); n > 0 {
		t.Errorf("Run connected %d times, want 0", n)
	}
}

// With so few requests, finding no difference would prove nothing.
func TestDiffRefusesATooSmallBudget(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.ServerURLs = append(o.ServerURLs, startServer(t, probetest.Config{Mutant: "list-descending"}))
	for _, o.RequestBudget = range []int{100, 300} {
		_, err := probe.Diff(t.Context(), o)
		if refusal := new(probe.SetupError); !errors.As(err, &refusal) ||
			!strings.Contains(err.Error(), "to tell whether two servers differ takes") {
			t.Errorf("budget %d: got the error %v", o.RequestBudget, err)
		}
	}
}

func TestRunRefusesARemoteHost(t *testing.T) {
	checkRefused(t, newOptions(t, "http://192.0.2.1/"), "is not this machine", "--remote")
}

func TestRunRefusesTheFolderOfAnotherStudy(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.RequestBudget = 600
	mustRun(t, o)
	before := readFiles(t, o.Folder)
	for want, apply := range map[string]func(*probe.Options){
		"with seed 1":                   func(options *probe.Options) { options.Seed = 2 },
		"with a budget of 600 requests": func(options *probe.Options) { options.RequestBudget = 700 },
		"of http://": func(options *probe.Options) {
			options.ServerURLs = []string{startServer(t, probetest.Config{})}
		},
		"with another experiment file": func(options *probe.Options) {
			options.Experiment = loadChanged(t, "the reference server", "another")
		},
		"choose another folder": func(options *probe.Options) { options.Seed = 3 },
		"other accounts, places or cont": func(options *probe.Options) {
			options.Experiment = loadWithOverrides(t, journal.Overrides{ClockURL: "/control/clock"})
		},
	} {
		other := o
		apply(&other)
		_, err := probe.Run(context.Background(), other)
		var refusal *probe.SetupError
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %q in it", err, want)
		}
	}
	after := readFiles(t, o.Folder)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("Run changed %s", name)
		}
	}
}

func loadWithOverrides(t testing.TB, overrides journal.Overrides) *probe.LoadedExperiment {
	t.Helper()
	experiment, err := probe.LoadExperiment(referenceFile, overrides, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return experiment
}

func TestRunRefusesAFolderWithoutTranscript(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.Folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(o.Folder, "report.md"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := probe.Run(context.Background(), o); err == nil ||
		!strings.Contains(err.Error(), "report.md that is not of this study") {
		t.Error(err)
	}
	if got := readFiles(t, o.Folder); len(got) != 1 || got["report.md"] != "mine" {
		t.Errorf("got the files %v, want only report.md", got)
	}
}

func TestRunRefusesAChangedTranscript(t *testing.T) {
	o := newOptions(t, startServer(t, probetest.Config{}))
	o.RequestBudget = 600
	mustRun(t, o)
	path := filepath.Join(o.Folder, probe.TranscriptFileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"role":"b"`, `"role":"a"`, 1)),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, open := range []func() error{
		func() error { _, err := probe.Report(context.Background(), o.Folder); return err },
		func() error { _, err := probe.Run(context.Background(), o); return err },
	} {
		var refusal *probe.SetupError
		if err := open(); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "line") ||
			!strings.Contains(err.Error(), "was changed") {
			t.Error(err)
		}
	}
}

func TestLoadExperimentChecksOverrides(t *testing.T) {
	for want, overrides := range map[string]journal.Overrides{
		"has no role nobody":                   {Accounts: map[string]string{"nobody": "1"}},
		"a and b have the same account, 10001": {Accounts: map[string]string{"b": "10001"}},
		"is no address of this machine":        {Places: []string{"here"}},
		"has 127.0.0.1 twice":                  {Places: []string{"127.0.0.1", "127.0.0.1"}},
		`--reset "ftp://x/" is no URL`:         {ResetURL: "ftp://x/"},
	} {
		_, err := probe.LoadExperiment(referenceFile, overrides, os.LookupEnv)
		var refusal *probe.SetupError
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want %q in it", err, want)
		}
	}
	experiment, err := probe.LoadExperiment(referenceFile, journal.Overrides{
		ResetURL: "/r", ClockURL: "/c", Places: []string{"127.0.0.3"}, Accounts: map[string]string{"a": "7"},
	}, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	account, _ := experiment.File.Account("a")
	if experiment.File.Reset.URL != "/r" || experiment.File.Clock.URL != "/c" ||
		experiment.File.Places[0] != "127.0.0.3" || account.Number != "7" {
		t.Errorf("got %+v, want all overrides", experiment.File)
	}
}

func TestMissingExperimentFileListsShippedFiles(t *testing.T) {
	_, err := probe.LoadExperiment("http-qq-9", journal.Overrides{}, os.LookupEnv)
	if err == nil || !strings.Contains(err.Error(), strings.Join(experiment.ShippedNames(), ", ")) {
		t.Error(err)
	}
}
