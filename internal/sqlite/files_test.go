package sqlite

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rookery-im/rookery"
)

// SQLite takes a database that is empty or missing for a new one, and deletes
// the log beside it.
func TestALogWithoutItsDatabaseIsNeverReplaced(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"the database is missing": os.Remove,
		"the database is empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rookery.db")
			s := openFor(t, quick(path))
			addAccounts(t, s, 1)
			deliver(t, s, rookery.FirstUIN, "hello")
			image := crashImage(t, path)
			want := readFile(t, image+"-wal")
			if err := damage(image); err != nil {
				t.Fatal(err)
			}
			for _, mustExist := range []bool{true, false} {
				cfg := quick(image)
				cfg.MustExist = mustExist
				if s, err := Open(t.Context(), cfg); !errors.Is(err, ErrLogAlone) {
					t.Errorf("got error %v", err)
					if err == nil {
						s.Close()
					}
				}
			}
			if !bytes.Equal(readFile(t, image+"-wal"), want) {
				t.Error("the log is another")
			}
		})
	}
}

func TestAStoreThatMustExistIsNotMade(t *testing.T) {
	cfg := quick(filepath.Join(t.TempDir(), "rookery.db"))
	cfg.MustExist = true
	if s, err := Open(t.Context(), cfg); err == nil {
		s.Close()
		t.Error("it was opened")
	}
	if _, err := os.Stat(cfg.Path); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
