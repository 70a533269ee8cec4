package reference

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestServe is for trying the server by hand:
//
//	REFERENCE_SERVE=127.0.0.1:8001,list-descending,made-up go test -run TestServe -timeout 0 ./internal/probe/reference
//
// Mutant and dialect may be left out. Without the variable it does nothing.
func TestServe(t *testing.T) {
	set := os.Getenv("REFERENCE_SERVE")
	if set == "" {
		return
	}
	words := append(strings.Split(set, ","), "", "")
	c := Config{Mutant: words[1]}
	if words[2] != "" {
		c.Dialect = MadeUp()
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	url, stop, err := s.Listen(words[0])
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	fmt.Println("serving on", url)
	for {
		time.Sleep(time.Hour)
	}
}
