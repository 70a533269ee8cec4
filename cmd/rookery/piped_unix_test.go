//go:build unix

package main

import (
	"io"
	"os"
	"testing"
)

func TestHasPipedInputReadsNothing(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if hasPipedInput(r) {
		t.Error("hasPipedInput(empty pipe) = true")
	}
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if !hasPipedInput(r) {
		t.Error("hasPipedInput(pipe with data) = false")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "x" || err != nil {
		t.Errorf("the pipe still has %q, %v, want x", got, err)
	}
	if hasPipedInput(r) {
		t.Error("hasPipedInput(closed pipe) = true")
	}
}
