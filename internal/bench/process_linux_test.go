package bench

import (
	"os"
	"testing"
	"time"
)

func TestProcessorTimeIsReadBehindAnyProgramName(t *testing.T) {
	const fields = " S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 1 0 158257 3133440 348"
	for _, name := range []string{"(rookery)", "(a) b (c))"} {
		measured, err := parseCPUTime([]byte("17 " + name + fields))
		if wanted := 1680 * time.Millisecond; err != nil || measured != wanted {
			t.Errorf("%s: got %v, %v, want %v", name, measured, err, wanted)
		}
	}
	for _, broken := range []string{"", "17 (x) S 1", "17 (x) S 1 2 3 4 5 6 7 8 9 10 a b"} {
		if measured, err := parseCPUTime([]byte(broken)); err == nil {
			t.Errorf("%q: got %v and no error", broken, measured)
		}
	}
}

func TestResidentMemoryIsReadInBytes(t *testing.T) {
	measured, err := parseResidentMemory("Name:\tx\nVmHWM:\t    1952 kB\nVmRSS:\t    1024 kB\n")
	if err != nil || measured != 1<<20 {
		t.Errorf("got %d, %v", measured, err)
	}
	if _, err := parseResidentMemory("Name:\tx\n"); err == nil {
		t.Error("no error without VmRSS")
	}
}

func TestThisProcessHasFigures(t *testing.T) {
	if _, err := processCPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if measured, err := processResident(os.Getpid()); err != nil || measured < 1<<20 {
		t.Errorf("got %d, %v", measured, err)
	}
}
