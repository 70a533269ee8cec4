package disk

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReservedSpaceLastsUntilReleased(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reserve")
	if HasReserved(path, 1<<20) {
		t.Error("HasReserved(missing file) = true")
	}
	for _, size := range []int64{1 << 20, 3 << 20} {
		if err := ReserveSpace(path, size); err != nil {
			t.Fatal(err)
		}
		if !HasReserved(path, size) || HasReserved(path, size+1) {
			t.Errorf("after ReserveSpace(%d), the file reserves another size", size)
		}
	}
	for range 2 {
		if err := ReleaseSpace(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after ReleaseSpace, the file exists (error %v)", err)
	}
}

func TestSparseFileReservesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reserve")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	if HasReserved(path, 1<<20) {
		t.Error("HasReserved(sparse file) = true")
	}
}

func TestFailedReservationLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reserve")
	// No file can be this large. A size that only exceeds the disk would fill the disk for a moment,
	// and other programs use it.
	if err := ReserveSpace(path, 1<<62); err == nil {
		t.Error("ReserveSpace(1<<62): got no error")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after the failure, the file exists (error %v)", err)
	}
}
