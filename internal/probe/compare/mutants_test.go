package compare_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery/internal/probe/compare"
	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/reference"
)

// budget is how many requests each of the two servers gets.
const budget = 3000

func readFile(t testing.TB, path string) *experiment.File {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := experiment.Parse(path, text, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func listen(t testing.TB, c reference.Config) string {
	t.Helper()
	s, err := reference.New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return url
}

func newLab(t testing.TB, f *experiment.File, name, url string) *lab.Lab {
	t.Helper()
	l, err := lab.New(lab.Config{File: f, URL: url, Name: name, Requests: budget, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func diff(t testing.TB, f *experiment.File, a, b reference.Config) (*finding.Study, [2]int) {
	t.Helper()
	la, lb := newLab(t, f, "a", listen(t, a)), newLab(t, f, "b", listen(t, b))
	out, err := compare.Run(context.Background(), compare.Config{File: f, A: la, B: lb, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return out, [2]int{la.Sent(), lb.Sent()}
}

func TestMutants(t *testing.T) {
	f := readFile(t, "testdata/reference.yaml")
	var dialect *reference.Dialect
	if os.Getenv("DIALECT") != "" {
		f, dialect = readFile(t, "../experiment/files/made-up.yaml"), reference.MadeUp()
	}
	only := os.Getenv("MUTANT")
	found, named, false_, total := 0, 0, 0, 0
	list := reference.Mutants()
	if os.Getenv("MORE") != "" {
		list = reference.More()
	}
	for _, m := range list {
		if only != "" && !strings.Contains(m.Name, only) {
			continue
		}
		began := time.Now()
		a := m.Partner()
		a.Dialect = dialect
		b := a
		b.Mutant = m.Name
		m.Command = dialect.CommandName(m.Command)
		out, sent := diff(t, f, a, b)
		line := "-"
		d := out.Differences
		if len(d) > 0 {
			line = fmt.Sprintf("%d: %s/%s/%s", len(d), d[0].Command, d[0].Aspect, d[0].Name)
		}
		verdict := "MISSED"
		switch {
		case m.Equivalent && len(d) == 0:
			verdict = "quiet"
		case m.Equivalent:
			verdict = "FALSE"
			false_++
		case len(d) > 0:
			found++
			verdict = "MISNAMED"
			if d[0].Command == m.Command && string(d[0].Aspect) == m.Aspect {
				named++
				verdict = "ok"
			}
		}
		if !m.Equivalent {
			total++
		}
		fmt.Printf("%-8s %-34s want %s/%s got %s  %v %v\n", verdict, m.Name, m.Command, m.Aspect, line, sent, time.Since(began).Round(time.Millisecond))
		if only != "" {
			for _, x := range d {
				fmt.Printf("   %s/%s/%s %s\n      %s\n", x.Command, x.Aspect, x.Name, x.Replayed, x.Summary)
			}
			for _, p := range out.Phases {
				fmt.Printf("   phase %s: %d requests %s\n", p.Name, p.Requests, p.Ended)
			}
		}
	}
	fmt.Printf("found %d named %d of %d, false %d: score %.1f\n", found, named, total, false_, 50*float64(found)/float64(total)+50*float64(named)/float64(total)-5*float64(false_))
}
