package lab_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/probetest"
)

// runWithLimit runs test with a lab on a reference server with a request limit, in virtual time.
func runWithLimit(t *testing.T, more string, n probetest.Noise, test func(b *testLab)) {
	t.Helper()
	file := parseFile(t, more)
	synctest.Test(t, func(t *testing.T) {
		n.UsesRealClock = n.UsesRealClock || file.Clock.URL == ""
		s, err := probetest.New(probetest.Config{Noise: n})
		if err != nil {
			t.Fatal(err)
		}
		dial, stop := s.ServeInMemory()
		defer stop()
		b := newTestLab(t, file, "http://127.0.0.1/", func(config *lab.Config) { config.Dial = dial })
		test(b)
	})
}

const (
	withClock       = "limits: {rate: 0, time: 10h}\nreset: {url: /control/reset}\nclock: {url: /control/clock}"
	realTime        = "limits: {rate: 0, time: 10h}\nreset: {url: /control/reset}"
	resetByCommands = "limits: {rate: 0, time: 10h}\nreset: commands"
)

func TestTracesOmitAnswersOfALimit(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"control clock": withClock, "real time": realTime,
		"reset by commands": resetByCommands} {
		for _, n := range []probetest.Noise{
			{Status: http.StatusTooManyRequests}, {Status: http.StatusServiceUnavailable, RetryAfter: true},
			{Status: 0},
		} {
			n.Limit, n.Per = 20, 10*time.Second
			runWithLimit(t, more, n, func(b *testLab) {
				for i := range 30 {
					trace := b.mustRun("a Login", "a List", "a List TN="+strings.Repeat("1", i%5), "a Logout")
					for j := range trace.Answers {
						if answer := &trace.Answers[j]; answer.Status != 200 || answer.Value("RES") != "0" {
							t.Errorf("%s, %v: %s has the answer %d %q, want 200 RES=0", name, n, answer.ID,
								answer.Status, answer.Body)
						}
					}
				}
				checkReplay(t, b, 30, func(i int) []string {
					return []string{"a Login", "a List", "a List TN=" + strings.Repeat("1", i%5), "a Logout"}
				})
				limits := b.Limits()
				if len(limits) != 1 || limits[0].Requests < 15 || limits[0].Requests > 30 ||
					limits[0].Period < 5*time.Second ||
					limits[0].Period > 20*time.Second {
					t.Errorf("%s, %v: got the limits %v, want about 20 requests in 10 s", name, n, limits)
				}
			})
		}
	}
}

// checkReplay repeats experiments from the transcript alone and checks that requests and limits
// are equal.
func checkReplay(t *testing.T, b *testLab, count int, lines func(i int) []string) {
	t.Helper()
	past, err := journal.Read(bytes.NewReader(b.transcript.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	again := newTestLab(t, b.file, "http://127.0.0.1/",
		func(config *lab.Config) { config.Archive, config.Offline = lab.NewArchive(past, "a"), true })
	for i := range count {
		again.mustRun(lines(i)...)
	}
	if again.Sent() != b.Sent() || !slices.Equal(again.Limits(), b.Limits()) {
		t.Errorf("the replay has %d requests and the limits %v, want %d and %v", again.Sent(), again.Limits(), b.Sent(),
			b.Limits())
	}
}

func TestLabKeepsWithinAKnownLimit(t *testing.T) {
	t.Parallel()
	runWithLimit(t, withClock, probetest.Noise{Limit: 20, Per: 10 * time.Second, Status: 429}, func(b *testLab) {
		const experiments, each = 100, 5
		for range experiments {
			b.mustRun("a Login", "a List", "a List", "a List", "a Logout")
		}
		if wasted := b.Sent() - experiments*each; wasted > 50 {
			t.Errorf("%d requests were refused, want at most 50", wasted)
		}
	})
}

// A pause within the experiment would change its result.
func TestRunRefusesAnExperimentBeyondTheLimit(t *testing.T) {
	t.Parallel()
	runWithLimit(t, withClock, probetest.Noise{Limit: 5, Per: 10 * time.Second, Status: 429}, func(b *testLab) {
		long := []string{"a Login", "a List", "a List", "a List", "a List", "a List", "a List"}
		for i, answer := range b.mustRun(long...).Answers { // the lab pauses within it
			if answer.Value("RES") != "0" {
				t.Errorf("answer %d: got %q, want RES=0", i+1, answer.Body)
			}
		}
		_, err := b.Run(context.Background(), b.parseSteps(append(long, "wait 5", "a List")...), 0)
		if limited := new(lab.LimitedError); !errors.As(err, &limited) || !errors.Is(err, lab.ErrForbidden) ||
			limited.Requests != 8 {
			t.Errorf("got the error %v, want a LimitedError with 8 requests", err)
		}
	})
}

func TestLimitMayUseTheRealClock(t *testing.T) {
	t.Parallel()
	runWithLimit(
		t,
		withClock,
		probetest.Noise{Limit: 20, Per: 10 * time.Second, Status: 429, UsesRealClock: true, IgnoresClock: true},
		func(b *testLab) {
			for range 10 {
				for i, answer := range b.mustRun("a Login", "a List", "a List", "a Logout").Answers {
					if answer.Value("RES") != "0" {
						t.Errorf("answer %d: got %d %q, want RES=0", i+1, answer.Status, answer.Body)
					}
				}
			}
		},
	)
}

func TestPersistentStatusIsAnAnswer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record, _ := io.ReadAll(r.Body)
		if strings.Contains(string(record), "TN=7&") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		io.WriteString(w, "RES=0&RS=0")
	}))
	defer s.Close()
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	for range 3 {
		trace := b.mustRun("a Login", "a List TN=7", "a List")
		if answer := &trace.Answers[1]; answer.Status != http.StatusServiceUnavailable {
			t.Errorf("got status %d, want 503", answer.Status)
		}
	}
	if limits := b.Limits(); len(limits) > 0 {
		t.Errorf("got the limits %v, want none", limits)
	}
}

func TestRefusedLoginMakesTheTraceInvalid(t *testing.T) {
	t.Parallel()
	refusedText := "none" // logins that contain it are refused
	s := newRecordingServer(t, func(record string, _ int) string {
		if strings.Contains(record, "CMD=Login") && strings.Contains(record, refusedText) {
			return "RES=9"
		}
		return "RES=0&RS=0"
	})
	b := newTestLab(t, parseFile(t, controlURLs), s.URL)
	if trace := b.mustRun("a Login", "b Login", "a List"); trace.InvalidReason != "" {
		t.Errorf("got InvalidReason %q, want none", trace.InvalidReason)
	}
	refusedText = "UIN=10002"
	for range 2 {
		if trace := b.mustRun("a Login", "b Login", "a List"); !strings.HasPrefix(
			trace.InvalidReason,
			"b Login was done",
		) {
			t.Errorf("got InvalidReason %q, want a refused b Login", trace.InvalidReason)
		}
	}
	if trace := b.mustRun("a Login", "a List"); trace.InvalidReason != "" {
		t.Errorf("got InvalidReason %q, want none", trace.InvalidReason)
	}
}
