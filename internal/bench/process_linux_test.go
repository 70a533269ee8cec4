package bench

import (
	"os"
	"testing"
	"time"
)

func TestProcessorTimeIsReadBehindAnyProgramName(t *testing.T) {
	const fields = " S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 1 0 158257 3133440 348"
	for _, name := range []string{"(rookery)", "(a) b (c))"} {
		got, err := parseStat([]byte("17 " + name + fields))
		if want := 1680 * time.Millisecond; err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
	for _, broken := range []string{"", "17 (x) S 1", "17 (x) S 1 2 3 4 5 6 7 8 9 10 a b"} {
		if got, err := parseStat([]byte(broken)); err == nil {
			t.Errorf("%q: got %v and no error", broken, got)
		}
	}
}

func TestResidentMemoryIsReadInBytes(t *testing.T) {
	got, err := parseStatus("Name:\tx\nVmHWM:\t    1952 kB\nVmRSS:\t    1024 kB\n")
	if err != nil || got != 1<<20 {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := parseStatus("Name:\tx\n"); err == nil {
		t.Error("no error without VmRSS")
	}
}

func TestThisProcessHasFigures(t *testing.T) {
	if _, err := processCPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if got, err := processResident(os.Getpid()); err != nil || got < 1<<20 {
		t.Errorf("got %d, %v", got, err)
	}
}
