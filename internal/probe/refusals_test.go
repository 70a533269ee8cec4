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

// changed is the reference server's file with texts replaced.
func changed(t testing.TB, oldnew ...string) *probe.LoadedExperiment {
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

// refused sees to it that a study is refused with a sentence that holds words, and
// that it leaves no folder.
func refused(t testing.TB, options probe.Options, words ...string) {
	t.Helper()
	_, err := probe.Run(context.Background(), options)
	var refusal *probe.SetupError
	if !errors.As(err, &refusal) {
		t.Fatalf("%v is no refusal", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if _, err := os.Stat(options.Folder); err == nil {
		t.Error("it has left a folder")
	}
}

func TestAServerOutOfReachIsRefused(t *testing.T) {
	s, err := probetest.New(probetest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url, stopClosing, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopClosing()
	refused(t, options(t, url), "out of reach", "is it running")
}

func TestAServerOfAnotherKindIsRefused(t *testing.T) {
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
			o := options(t, s.URL+"/")
			o.Experiment = changed(t, "reset: {url: /control/reset}", "reset: commands", "clock: {url: /control/clock}",
				"clock: real")
			if name == "nothing at all" {
				refused(t, o, "takes connections and answers nothing")
				return
			}
			refused(t, o, "is no server of the kind")
		})
	}
}

func TestAServerWhoseControlURLDoesNotWorkIsRefused(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}))
	o.Experiment = changed(t, "/control/reset", "/control/nothing")
	refused(t, o, "/control/nothing", "status 404")
}

func TestAControlURLThatDoesNothingIsRefused(t *testing.T) {
	for path, words := range map[string]string{
		"/control/reset": "the control URL /control/reset resets nothing",
		"/control/clock": "the control URL /control/clock moves no clock",
	} {
		server := serve(t, probetest.Config{})
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
		refused(t, options(t, s.URL+"/"), words)
	}
}

func TestAWrongPasswordIsRefusedWithItsLineInTheFile(t *testing.T) {
	url := serve(t, probetest.Config{})
	b := `b:        {account: 10002, secret: "123456"}`
	for secret, words := range map[string][]string{
		`wrong`:               {"line 6 of", "changed.yaml"},
		`$PROBE_B`:            {"environment variable PROBE_B"},
		`"${PROBE_B:-wrong}"`: {"environment variable PROBE_B"},
	} {
		for _, reset := range []string{"reset: commands", "reset: {url: /control/reset}"} {
			o := options(t, url)
			o.Experiment = changed(t, b, `b:        {account: 10002, secret: `+secret+`}`,
				"reset: {url: /control/reset}", reset)
			refused(t, o, append(words, "login of b (account 10002)")...)
		}
	}
}

// Each account that cannot be used is named, with what to do, before anything is tried.
func TestAllAccountsThatCannotBeUsedAreNamed(t *testing.T) {
	url := serve(t, probetest.Config{})
	for _, reset := range []string{"reset: commands", "reset: {url: /control/reset}"} {
		o := options(t, url)
		o.Experiment = changed(t,
			`b:        {account: 10002, secret: "123456"}`, `b:        {account: 10999, secret: "${PROBE_B:-123456}"}`,
			`stranger: {account: 10003, secret: "123456"}`, `stranger: {account: 10003, secret: wrong}`,
			"friends: [[a, b]]", "friends: []",
			"reset: {url: /control/reset}", reset)
		refused(t, o, "2 accounts cannot be used", "login of b (account 10999)", "create the account",
			"environment variable PROBE_B holds", "set PROBE_B",
			"login of stranger (account 10003)", "line 7 of")
	}
}

func TestAccountsThatAreNotFriendsAreRefused(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}))
	o.Experiment = changed(t, "friends: [[a, b]]", "friends: [[a, stranger]]")
	refused(t, o, "does not list account 10003 (stranger)", "make them friends")
}

func TestAnAccountInUseIsRefused(t *testing.T) {
	url := serve(t, probetest.Config{})
	login := "VER=1.1&CMD=Login&SEQ=12345678&UIN=10002&PS=e10adc3949ba59abbe56e057f20f883e&M5=1&LC=9326B87B234E7235"
	resp, err := http.Post(url, "text/plain; charset=UTF-8", strings.NewReader(login))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	o := options(t, url)
	o.Experiment = changed(t, "reset: {url: /control/reset}", "reset: commands")
	refused(t, o, "account 10002 (b) is in use")

	o.Experiment = changed(t, "reset: {url: /control/reset}",
		"reset: pool\npool: {first: 10002, last: 10200, secret: 123456}")
	refused(t, o, "account 10002 (a) is in use")
}

func TestABudgetThatCannotSufficeIsRefusedBeforeTheFirstRequest(t *testing.T) {
	c := count(t, "127.0.0.1:0")
	o := options(t, "http://"+c.Addr().String()+"/")
	o.RequestBudget = 20
	refused(t, o, "a budget of 20 requests cannot suffice", "--budget")
	if n := c.n.Load(); n > 0 {
		t.Errorf("it has connected %d times", n)
	}
}

// With a hundred requests to each server "no difference" would say nothing.
func TestABudgetThatIsTooLittleToTellServersApartIsRefused(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}))
	o.ServerURLs = append(o.ServerURLs, serve(t, probetest.Config{Mutant: "list-descending"}))
	for _, o.RequestBudget = range []int{100, 300} {
		_, err := probe.Diff(t.Context(), o)
		if refusal := new(probe.SetupError); !errors.As(err, &refusal) ||
			!strings.Contains(err.Error(), "to tell whether two servers differ takes") {
			t.Errorf("%d requests: %v", o.RequestBudget, err)
		}
	}
}

func TestAHostBeyondThisMachineIsRefused(t *testing.T) {
	refused(t, options(t, "http://192.0.2.1/"), "is not this machine", "--remote")
}

func TestTheFolderOfAnotherStudyIsRefusedAndUnchanged(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}))
	o.RequestBudget = 600
	run(t, o)
	before := files(t, o.Folder)
	for want, change := range map[string]func(*probe.Options){
		"with seed 1":                   func(options *probe.Options) { options.Seed = 2 },
		"with a budget of 600 requests": func(options *probe.Options) { options.RequestBudget = 700 },
		"of http://": func(options *probe.Options) {
			options.ServerURLs = []string{serve(t, probetest.Config{})}
		},
		"with another experiment file": func(options *probe.Options) {
			options.Experiment = changed(t, "the reference server", "another")
		},
		"choose another folder": func(options *probe.Options) { options.Seed = 3 },
		"other accounts, places or cont": func(options *probe.Options) {
			options.Experiment = withChanges(t, journal.Overrides{ClockURL: "/control/clock"})
		},
	} {
		other := o
		change(&other)
		_, err := probe.Run(context.Background(), other)
		var refusal *probe.SetupError
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	after := files(t, o.Folder)
	for name := range before {
		if before[name] != after[name] {
			t.Errorf("%s has changed", name)
		}
	}
}

func withChanges(t testing.TB, overrides journal.Overrides) *probe.LoadedExperiment {
	t.Helper()
	experiment, err := probe.LoadExperiment(referenceFile, overrides, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return experiment
}

func TestAFolderWithReportsButNoTranscriptIsRefused(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}))
	o.Folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(o.Folder, "report.md"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := probe.Run(context.Background(), o); err == nil ||
		!strings.Contains(err.Error(), "report.md that is not of this study") {
		t.Error(err)
	}
	if got := files(t, o.Folder); len(got) != 1 || got["report.md"] != "mine" {
		t.Errorf("%v", got)
	}
}

func TestATranscriptThatWasChangedIsRefused(t *testing.T) {
	o := options(t, serve(t, probetest.Config{}))
	o.RequestBudget = 600
	run(t, o)
	path := filepath.Join(o.Folder, probe.TranscriptFileName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), `"role":"b"`, `"role":"a"`, 1)),
		0o600); err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { _, err := probe.Report(context.Background(), o.Folder); return err },
		func() error { _, err := probe.Run(context.Background(), o); return err },
	} {
		var refusal *probe.SetupError
		if err := do(); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "line") ||
			!strings.Contains(err.Error(), "was changed") {
			t.Error(err)
		}
	}
}

func TestChangesOfTheCommandLineAreChecked(t *testing.T) {
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
			t.Errorf("%v does not say %q", err, want)
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
		t.Errorf("%+v", experiment.File)
	}
}

func TestAMissingExperimentFileIsRefusedAndShippedFilesAreNamed(t *testing.T) {
	_, err := probe.LoadExperiment("http-qq-9", journal.Overrides{}, os.LookupEnv)
	if err == nil || !strings.Contains(err.Error(), strings.Join(experiment.ShippedNames(), ", ")) {
		t.Error(err)
	}
}
