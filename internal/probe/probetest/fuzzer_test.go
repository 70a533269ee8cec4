package probetest

import (
	"context"
	"testing"
)

// listen starts a server and returns its URL.
func listen(t *testing.T, config Config) string {
	s, err := New(config)
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
	for _, dialect := range []*Dialect{nil, MadeUp()} {
		first, second := listen(t, Config{Dialect: dialect}), listen(t, Config{Dialect: dialect})
		if found, command, err := Fuzz(context.Background(), first, second, 1000, 1, dialect); found || err != nil {
			t.Errorf("found %v at %s, %v", found, command, err)
		}
	}
}

func TestFuzzFindsAnObviousDifference(t *testing.T) {
	for _, dialect := range []*Dialect{nil, MadeUp()} {
		first, second := listen(t, Config{Dialect: dialect}),
			listen(t, Config{Dialect: dialect, Mutant: "query-stat-fn-never-last"})
		found, command, err := Fuzz(context.Background(), first, second, 1000, 1, dialect)
		if !found || err != nil || dialect == nil && command != "Query_Stat" {
			t.Errorf("found %v at %s, %v", found, command, err)
		}
	}
}
