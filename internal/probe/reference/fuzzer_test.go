package reference

import (
	"context"
	"os"
	"strings"
	"testing"
)

// listen starts a server.
func listen(t *testing.T, c Config) string {
	s, err := New(c)
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

func TestFuzzFindsNothingBetweenEqualServers(t *testing.T) {
	for _, d := range []*Dialect{nil, MadeUp()} {
		a, b := listen(t, Config{Dialect: d}), listen(t, Config{Dialect: d})
		if found, command, err := Fuzz(context.Background(), a, b, 1000, 1, d); found || err != nil {
			t.Errorf("found %v at %s, %v", found, command, err)
		}
	}
}

func TestFuzzFindsWhatIsPlain(t *testing.T) {
	for _, d := range []*Dialect{nil, MadeUp()} {
		a, b := listen(t, Config{Dialect: d}), listen(t, Config{Dialect: d, Mutant: "query-stat-fn-never-last"})
		found, command, err := Fuzz(context.Background(), a, b, 1000, 1, d)
		if !found || err != nil || d == nil && command != "Query_Stat" {
			t.Errorf("found %v at %s, %v", found, command, err)
		}
	}
}

// TestBaseline prints what the fuzzer finds, if REFERENCE_BASELINE is set:
//
//	REFERENCE_BASELINE=1 go test -v -run TestBaseline ./internal/probe/reference
func TestBaseline(t *testing.T) {
	if os.Getenv("REFERENCE_BASELINE") == "" {
		return
	}
	for name, mutants := range map[string][]Mutant{"Mutants": Mutants(), "More": More()} {
		count, named, false_ := 0, 0, 0
		for _, m := range mutants {
			a, b := listen(t, m.Partner()), listen(t, Config{Mutant: m.Name})
			found, command, err := Fuzz(context.Background(), a, b, 3000, 1, nil)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case found && m.Equivalent:
				false_++
			case found:
				count++
			}
			if found && command == m.Command {
				named++
			}
			t.Logf("%-30s %5v %-14s %s", m.Name, found, command, strings.TrimSpace(m.Command))
		}
		t.Logf("%s: found %d, at the command of the label %d, of %d; false alarms %d", name, count, named, len(mutants), false_)
	}
}
