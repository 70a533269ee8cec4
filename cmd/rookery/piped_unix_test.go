//go:build unix

package main

import (
	"io"
	"os"
	"testing"
)

// What waits in a pipe is seen without waiting for it, and stays there.
func TestHasPipedInputReadsNothing(t *testing.T) {
	r, file, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if hasPipedInput(r) {
		t.Error("there is something in an empty pipe")
	}
	if _, err := file.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if !hasPipedInput(r) {
		t.Error("there is nothing in a pipe that was written to")
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "x" || err != nil {
		t.Errorf("%q is left, error %v", got, err)
	}
	if hasPipedInput(r) {
		t.Error("there is something in a pipe that was read and closed")
	}
}
