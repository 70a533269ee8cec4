package fault

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/fault/powercut"
)

// The power fails while the store is created, or soon after. The server must be able to open what is left, with every
// account whose addition it has acknowledged.
func TestNewStoreSurvivesPowerFailures(t *testing.T) {
	cuts := 15
	if testing.Short() {
		cuts = 6
	}
	seed, dir := newSeed(t), t.TempDir()
	rng := rand.New(rand.NewPCG(seed, 4))
	disk, err := powercut.Snapshot(dir, isStore)
	if err != nil {
		t.Fatal(err)
	}
	tracer := newTracer(t, dir)
	s := &server{t: t, program: rookeryServe(t, dir, false), command: tracer.command}
	s.start()
	addAccount(t, s.program)
	s.stop()
	r := tracedRun{disk: disk, trace: tracer.read()}

	added := slices.IndexFunc(r.trace.Events, func(e powercut.Event) bool {
		return e.Kind == powercut.Send && bytes.HasPrefix(e.Data, []byte("HTTP/1.1 200"))
	})
	if added < 0 {
		t.Fatal("the trace has no answer to user add")
	}
	from := r.trace.Events[added].Begin
	for i := range cuts {
		c := powerCut{at: 1 + powercut.Moment(rng.IntN(int(r.trace.End))), survivorText: "a part",
			survivors: randomSurvivors(rng)}
		if i%3 == 0 {
			c = powerCut{at: from, survivorText: "none", survivors: powercut.KeepNone}
			if i > 0 {
				c.at += powercut.Moment(rng.IntN(int(r.trace.End - from)))
			}
		}
		r.checkAccount(t, c, c.at >= from)
	}
}

// addAccount adds the first account with the command user add.
func addAccount(t *testing.T, p serverProgram) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.args[0], "user", "add", "--data", p.dir, "--uin", "10001", "--nick",
		"first", "--password-stdin")
	cmd.Stdin = strings.NewReader(password)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot add an account: %v\n%s", err, out)
	}
}

// checkAccount opens the store after a power failure. If added, it must have the account.
func (r *tracedRun) checkAccount(t *testing.T, c powerCut, added bool) {
	t.Helper()
	s, err := openLocalServer(t.Context(), r.restore(t, c), neverSyncs)
	if err != nil {
		t.Errorf("%v: %v", c, err)
		return
	}
	defer s.store.Close()
	if _, err := s.store.Account(t.Context(), 10001); added && err != nil {
		t.Errorf("%v: the account is lost: %v", c, err)
	}
}
