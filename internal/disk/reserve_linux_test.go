package disk

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFileHoldsRoomUntilItIsReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "room")
	if HasReserved(path, 1<<20) {
		t.Error("a file that is not there holds room")
	}
	for _, size := range []int64{1 << 20, 3 << 20} {
		if err := ReserveSpace(path, size); err != nil {
			t.Fatal(err)
		}
		if !HasReserved(path, size) || HasReserved(path, size+1) {
			t.Errorf("it does not hold %d bytes", size)
		}
	}
	for range 2 {
		if err := ReleaseSpace(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestAFileWithoutBlocksHoldsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "room")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if HasReserved(path, 1<<20) {
		t.Error("it does not take up anything")
	}
}

func TestWhatThereIsNoRoomForLeavesNothingBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "room")
	// No file can be this large. A size that only exceeds the disk would fill the disk for a moment,
	// and other programs use it.
	if err := ReserveSpace(path, 1<<62); err == nil {
		t.Error("there was room")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("something is left: %v", err)
	}
}
