package study_test

import (
	"context"
	"fmt"
	"os"
	"sort"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/probetest"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// studyNoisy studies a noisy reference server on a clock of its own.
func studyNoisy(t *testing.T, path string, c probetest.Config, requests int, seed uint64) *finding.Study {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := experiment.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	var out *finding.Study
	synctest.Test(t, func(t *testing.T) {
		s, err := probetest.New(c)
		if err != nil {
			t.Fatal(err)
		}
		dial, stop := s.Memory()
		defer stop()
		l, err := lab.New(lab.Config{File: f, URL: "http://127.0.0.1/", Name: "a", Requests: requests, Salt: seed, Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out, err = study.Run(context.Background(), study.Config{
			File: f, Subject: l, Requests: requests, Seed: seed, Confirm: true, Pause: time.Sleep,
		})
		if err != nil {
			t.Fatal(err)
		}
		out.Tries, out.Faults = l.Tries(), l.Faults()
	})
	return out
}

func TestDump(t *testing.T) {
	began := time.Now()
	var c probetest.Config
	path := httpQQ
	if os.Getenv("MADEUP") != "" {
		path, c.Dialect = madeUp, probetest.MadeUp()
	}
	n := 4500
	fmt.Sscan(os.Getenv("N"), &n)
	if os.Getenv("TIME") != "" {
		c.Time = true
		c.Noise.Volatile = os.Getenv("TIME")
	}
	if os.Getenv("LOST") != "" {
		c.Noise.Lost = 0.01
	}
	if os.Getenv("LATE") != "" {
		c.Noise.Late = 3 * time.Millisecond
	}
	if os.Getenv("LIMIT") != "" {
		c.Noise.Limit, c.Noise.Per = 20, 10*time.Second
		fmt.Sscan(os.Getenv("LIMIT"), &c.Noise.Status)
	}
	out := studyNoisy(t, path, c, n, 1)
	var lines []string
	for _, f := range out.Facts {
		if f.Grade == finding.Confirmed || f.Grade == finding.Observed {
			lines = append(lines, fmt.Sprintf("%s = %s\n", f.ID, f.Value))
		}
		if f.Grade == finding.Contested {
			lines = append(lines, fmt.Sprintf("contested: %s = %s\n", f.ID, f.Value))
		}
	}
	sort.Strings(lines)
	for _, l := range lines {
		os.Stdout.WriteString(l)
	}
	fmt.Println("##", len(lines), "stopped:", out.Stopped, "tries", out.Tries, "faults", out.Faults, time.Since(began))
	for _, p := range out.Phases {
		fmt.Println("##", p.Name, p.Requests, p.Facts, p.Ended)
	}
	for _, p := range out.Untested {
		fmt.Println("## gap", p.What, p.Why)
	}
	for _, p := range out.Noise {
		fmt.Println("## noise", p.Command, p.Key, p.Values)
	}
}
