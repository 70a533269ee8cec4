package probetest

import (
	"context"
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
