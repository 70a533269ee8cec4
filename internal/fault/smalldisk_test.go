package fault

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rookery-im/rookery"
)

// smallDiskSize is the size of a smallDisk in bytes.
const smallDiskSize = 4 << 20

// smallDisk is a file system in memory for a data directory. It is visible only in its own mount namespace, which a
// process keeps open, so that the disk outlives servers.
type smallDisk struct {
	dir    string
	holder int // the ID of the process that keeps the namespace open
}

// newSmallDisk mounts a small disk. It fails the test on machines that do not permit that.
func newSmallDisk(t *testing.T) *smallDisk {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf(`mount -t tmpfs -o size=%d none "$0" && echo mounted && read end`, smallDiskSize)
	cmd := exec.Command("unshare", "--map-root-user", "--mount", "sh", "-c", script, dir)
	end, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("a file system of its own needs unshare, of util-linux: %v", err)
	}
	t.Cleanup(func() {
		_ = end.Close() // ends the read of the script
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "mounted\n" {
		t.Fatalf("cannot mount a file system of its own: %q, %v", line, err)
	}
	return &smallDisk{dir: dir, holder: cmd.Process.Pid}
}

// path returns the path by which this process reaches a file of the disk.
func (d *smallDisk) path(name string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", d.holder), d.dir, name)
}

// program returns the command rookery serve on the disk, with a quarter of it reserved.
func (d *smallDisk) program(t *testing.T) serverProgram {
	t.Helper()
	p := rookeryServe(t, d.dir, false)
	enter := strings.Fields(fmt.Sprintf("nsenter --target %d --user --mount --preserve-credentials --", d.holder))
	p.args = append(append(enter, p.args...), "--disk-reserve", fmt.Sprint(smallDiskSize/4>>20))
	return p
}

// createAccounts creates a store with the accounts and the onlooker on the disk.
func (d *smallDisk) createAccounts(t *testing.T, c accountSet) {
	t.Helper()
	dir := t.TempDir()
	createAccounts(t, dir, append(c.newAccounts(), testAccount{onlooker, rookery.RuleAsk}))
	copyFiles(t, d.path(""), dir)
}

func (d *smallDisk) serve(t *testing.T, c accountSet) *server {
	t.Helper()
	d.createAccounts(t, c)
	return newServer(t, d.program(t))
}

// ballast returns the path of the file with which fill occupies space.
func (d *smallDisk) ballast() string { return d.path("ballast") }

// fill occupies so many more bytes of the disk, or all that are left.
func (d *smallDisk) fill(t *testing.T, bytes int) {
	t.Helper()
	f, err := os.OpenFile(d.ballast(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, bytes)); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// free releases the space that fill has occupied.
func (d *smallDisk) free(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// copyFiles copies the regular files of a directory.
func copyFiles(t *testing.T, to, from string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
