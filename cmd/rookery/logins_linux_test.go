package main

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
)

// onSmallDisk runs a script for a shell in which $DISK is a file system of 64 KiB
// of its own, $ROOKERY the program, $ADDR the server and $SERVER its process.
func (h *liveServer) onSmallDisk(script string) {
	h.t.Helper()
	cmd := exec.Command("unshare", "-rm", "sh", "-euc", `
		mkdir disk
		mount -t tmpfs -o size=64k tmpfs disk
		DISK=$PWD/disk
		export XDG_CONFIG_HOME=$DISK
		fill() { dd if=/dev/zero of=$DISK/fill bs=1k 2>/dev/null && exit 1 || test -s $DISK/fill; }
		login() { printf %s '`+password+`' | $ROOKERY login $1@$ADDR --device desk --password-stdin; }
	`+script)
	cmd.Dir = h.dir
	cmd.Env = append(h.env, "ROOKERY="+h.rookery, "ADDR="+h.addr, fmt.Sprintf("SERVER=%d", h.server.cmd.Process.Pid))
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("%v\n%s", err, out)
	}
}

func TestFailedLoginOnAFullDiskKeepsTheOldLogin(t *testing.T) {
	h := newLiveServer(t)
	h.serve("127.0.0.1:0")
	h.onSmallDisk(`
		login 10001
		fill
		if login 10001 2>said; then echo 'it says that it is logged in'; exit 1; fi
		cat said
		grep -q 'cannot keep the login: .*no space left on device; make .* writable' said
		$ROOKERY friends --account 10001
		if login 10002 2>said; then echo 'it says that it is logged in'; exit 1; fi
		rm $DISK/fill
		login 10001
		$ROOKERY friends --account 10001
		test "$(ls $DISK/rookery/logins | wc -l)" = 2 # the login and its lock
	`)
	// Nothing of the login that failed is left behind.
	if err := withOperator(t.Context(), h.data(), func(operator *control.Operator) error {
		devices, err := operator.ListDevices(t.Context(), rookery.UIN(10002))
		if err == nil && len(devices) > 0 {
			t.Errorf("10002 has the devices %+v", devices)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// The server answers when the disk is full already.
func TestLoginSucceedsAlthoughTheDiskFillsUp(t *testing.T) {
	h := newLiveServer(t)
	h.serve("127.0.0.1:0")
	h.onSmallDisk(`
		kill -STOP $SERVER
		login 10001 &
		while kill -0 $! && ! test -s $DISK/rookery/logins/*.new; do sleep 0.05; done
		fill
		kill -CONT $SERVER
		wait $!
		$ROOKERY friends --account 10001
		grep -q '"token": "rk_' $DISK/rookery/logins/*.json
	`)
}
