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

// smallDiskSize is how much a small disk holds, in bytes.
const smallDiskSize = 4 << 20

// smallDisk is a file system of its own for a data directory, in memory. Only who
// enters its namespace sees it. A process holds it, so that it outlives servers.
type smallDisk struct {
	dir    string
	holder int // a process
}

// newSmallDisk mounts one. A machine on which nobody may do that cannot run these
// tests.
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
		_ = end.Close() // it reads, and ends
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "mounted\n" {
		t.Fatalf("cannot mount a file system of its own: %q, %v", line, err)
	}
	return &smallDisk{dir: dir, holder: cmd.Process.Pid}
}

// path is where this process sees a file of the disk.
func (d *smallDisk) path(name string) string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", d.holder), d.dir, name)
}

// program is rookery serve on the disk, with a quarter of it in reserve.
func (d *smallDisk) program(t *testing.T) serverProgram {
	t.Helper()
	p := rookeryServe(t, d.dir, false)
	enter := strings.Fields(fmt.Sprintf("nsenter --target %d --user --mount --preserve-credentials --", d.holder))
	p.args = append(append(enter, p.args...), "--disk-reserve", fmt.Sprint(smallDiskSize/4>>20))
	return p
}

// settle puts a store for a crowd and an onlooker on the disk.
func (d *smallDisk) settle(t *testing.T, c accountSet) {
	t.Helper()
	seed := t.TempDir()
	createAccounts(t, seed, append(c.newAccounts(), testAccount{onlooker, rookery.RuleAsk}))
	copyFiles(t, d.path(""), seed)
}

func (d *smallDisk) serve(t *testing.T, c accountSet) *server {
	t.Helper()
	d.settle(t, c)
	return newServer(t, d.program(t))
}

// ballast is the file that takes up room.
func (d *smallDisk) ballast() string { return d.path("ballast") }

// fill lets the ballast grow by so many bytes, or as far as it can.
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
