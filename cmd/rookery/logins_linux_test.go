package main

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/control"
)

// runOnSmallDisk runs a shell script. $DISK is a new file system of 64 KiB, $ROOKERY the
// program, $ADDR the address of the server and $SERVER its process.
func (h *liveServer) runOnSmallDisk(script string) {
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
	h.runOnSmallDisk(`
		login 10001
		fill
		if login 10001 2>stderr; then echo 'the login succeeded without space'; exit 1; fi
		cat stderr
		grep -q 'cannot save the login: .*no space left on device; make .* writable, or free some space' stderr
		$ROOKERY friends --account 10001
		if login 10002 2>stderr; then echo 'the login succeeded without space'; exit 1; fi
		rm $DISK/fill
		login 10001
		$ROOKERY friends --account 10001
		test "$(ls $DISK/rookery/logins | wc -l)" = 2 # the login and its lock
	`)
	// The server has no device of the failed login.
	if err := withOperator(t.Context(), h.data(), func(operator *control.Operator) error {
		devices, err := operator.ListDevices(t.Context(), rookery.UIN(10002))
		if err == nil && len(devices) > 0 {
			t.Errorf("10002 has the devices %+v, want none", devices)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

// The server answers after the disk is full. The login has reserved its space before.
func TestLoginSucceedsAlthoughTheDiskFillsUp(t *testing.T) {
	h := newLiveServer(t)
	h.serve("127.0.0.1:0")
	h.runOnSmallDisk(`
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
