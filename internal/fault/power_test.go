package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/fault/powercut"
	"github.com/rookery-im/rookery/internal/sqlite"
)

// Whenever the power fails, what was answered before is on the disk: each
// acknowledged message once, and what was collected is not handed out as
// something new. No number of a message is given out again, even if an older
// database is put back then. And if it were not so, this test would see it.
func TestNothingIsLostWhenThePowerFails(t *testing.T) {
	tests := []struct {
		name   string
		serve  func(t *testing.T, dir string) serverProgram
		cuts   int
		caught FaultKind // what is wrong with the server, if something is
	}{
		{"the program that users run", func(t *testing.T,
			dir string) serverProgram {
			return rookeryServe(t, dir, false)
		},
			48, ""},
		{"a server wired by the test", func(_ *testing.T,
			dir string) serverProgram {
			return flawedProgram(flawless, dir)
		}, 12, ""},
		{"one that answers before the sync is caught",
			func(_ *testing.T, dir string) serverProgram { return flawedProgram(answersBeforeSync, dir) }, 8, Lost},
		{"one that hands out before the sync is caught",
			func(_ *testing.T, dir string) serverProgram { return flawedProgram(collectsBeforeSync, dir) }, 16,
			Duplicated},
		{"one with synchronous=OFF is caught", func(_ *testing.T,
			dir string) serverProgram {
			return flawedProgram(neverSyncs, dir)
		},
			8, Lost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cuts := test.cuts
			if testing.Short() && test.caught == "" {
				cuts /= 2
			}
			seed, dir := newSeed(t), t.TempDir()
			run := recordRun(t, dir, test.serve(t, dir), seed)
			caught := false
			for c := range run.choosePowerCuts(rand.New(rand.NewPCG(seed, 2)), cuts) {
				faults, err := run.checkAfterCut(t, c)
				if test.caught != "" {
					caught = caught || slices.ContainsFunc(faults, func(f Fault) bool { return f.Kind == test.caught })
					if err != nil {
						t.Logf("%v: %v", c, err) // as must be expected
					}
					continue
				}
				if err != nil {
					t.Errorf("%v: %v", c, err)
				}
				reportFaults(t, c.String(), faults)
			}
			if test.caught != "" && !caught {
				t.Errorf("no message was %s: what this test checks, it cannot see", test.caught)
			}
		})
	}
}

// tracedRun is what happened while a server worked that was traced.
type tracedRun struct {
	disk    *powercut.Disk
	trace   *powercut.Trace
	answers []sentAnswer
	sent    []SentMessage
	crowd   accountSet
}

// sentAnswer is an answer with when the server began to send it: from then on
// the client may know it.
type sentAnswer struct {
	Answer
	at powercut.Moment
}

// recordRun lets a crowd loose on a server under strace, until there are enough
// messages, and stops the server in good order.
func recordRun(t *testing.T, dir string, p serverProgram, seed uint64) *tracedRun {
	t.Helper()
	r := &tracedRun{crowd: newCrowd(4, 2)}
	createAccounts(t, dir, r.crowd.newAccounts())
	var err error
	if r.disk, err = powercut.Snapshot(dir, isStore); err != nil {
		t.Fatal(err)
	}
	tracer := newTracer(t, dir)
	s := &server{t: t, program: p, command: tracer.command}
	s.start()
	load := r.crowd.newLoad(t, s.dial, seed)
	end := startLoad(t, load)
	awaitMessages(t, load, 300)
	end()
	s.stop()
	r.trace = tracer.read()
	r.sent, _ = load.Ledger.Snapshot()
	r.readAnswers(t)
	return r
}

// isStore reports whether a file is part of the store. The lock and the memory
// shared between connections are not: SQLite makes the latter anew.
func isStore(name string) bool {
	return strings.HasPrefix(name, storeName) && !strings.HasSuffix(name, "-shm") || name == numbersName
}

// tracer runs a program under strace.
type tracer struct {
	t    *testing.T
	dir  string
	file *os.File      // strace writes here
	done chan struct{} // closed when strace has closed it
	got  *powercut.Trace
	err  error
}

func newTracer(t *testing.T, dir string) *tracer {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatalf("this test needs strace, to see what the server writes and syncs; make test installs it, or "+
			"apt-get install strace: %v", err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	tr := &tracer{t: t, dir: dir, file: in, done: make(chan struct{})}
	go func() {
		defer close(tr.done)
		defer out.Close()
		tr.got, tr.err = powercut.ParseTrace(out, dir)
	}()
	return tr
}

// command runs a program that is traced. It can be used once.
func (tr *tracer) command(p serverProgram) *exec.Cmd {
	args := powercut.StraceCommand("/dev/fd/3", p.args[0], p.args[1:]...)
	cmd := plainCommand(serverProgram{args: args, env: p.env})
	cmd.ExtraFiles = []*os.File{tr.file}
	return cmd
}

// read returns the trace, once the program has ended.
func (tr *tracer) read() *powercut.Trace {
	tr.t.Helper()
	if err := tr.file.Close(); err != nil {
		tr.t.Fatal(err)
	}
	select {
	case <-tr.done:
	case <-time.After(startStopTimeout):
		tr.t.Fatal("strace does not end")
	}
	if tr.err != nil {
		tr.t.Fatal(tr.err)
	}
	return tr.got
}

// readAnswers finds the answers among what was sent.
func (r *tracedRun) readAnswers(t *testing.T) {
	t.Helper()
	for _, e := range r.trace.Events {
		if e.Kind != powercut.Send {
			continue
		}
		_, text, found := strings.Cut(string(e.Data), "\r\n\r\n")
		if !found {
			continue
		}
		answer, err := ParseAnswer(text)
		if err != nil {
			t.Fatal(err)
		}
		r.answers = append(r.answers, sentAnswer{answer, e.Begin})
	}
	if len(r.answers) < 100 {
		t.Fatalf("the trace holds %d answers only", len(r.answers))
	}
}

// powerCut is a power failure.
type powerCut struct {
	at   powercut.Moment
	left string // what is left of what was not synced
	luck powercut.SurvivorFunc
	// lost is an answer that was about to be sent, and did not arrive.
	lost Answer
}

func (c powerCut) String() string {
	return fmt.Sprintf("power cut at moment %d, with %s left of what was not synced", c.at, c.left)
}

// choosePowerCuts chooses n power failures: half of them right when an answer is sent,
// which arrives or is lost, when nothing but what was synced is left; the others
// anywhere, with any luck, and every other of these while the server ends, which
// moves its log into the database.
func (r *tracedRun) choosePowerCuts(rng *rand.Rand, count int) iter.Seq[powerCut] {
	var batches, receipts []sentAnswer
	for _, a := range r.answers {
		switch {
		case a.RES != resDone || a.CMD == "Login":
		case a.CMD != "GetMsgEx":
			receipts = append(receipts, a)
		case a.Value("MN") != "0":
			batches = append(batches, a)
		}
	}
	first, last := receipts[0].at, r.answers[len(r.answers)-1].at
	between := func(from, to powercut.Moment) powercut.Moment { return from + powercut.Moment(rng.IntN(int(to-from))) }
	return func(yield func(powerCut) bool) {
		for i := range count {
			var c powerCut
			told := [][]sentAnswer{receipts, batches}[rng.IntN(2)]
			switch a := told[rng.IntN(len(told))]; i % 4 {
			case 0:
				c = powerCut{at: a.at, left: "nothing", luck: powercut.KeepNone}
			case 1:
				c = powerCut{at: a.at, left: "nothing", luck: powercut.KeepNone, lost: a.Answer}
			case 2:
				c = powerCut{at: between(first, last), left: "something",
					luck: func(count int) int { return rng.IntN(count + 1) }}
			case 3:
				c = powerCut{at: between(last, r.trace.End+1), left: "something",
					luck: func(count int) int { return rng.IntN(count + 1) }}
			}
			if !yield(c) {
				return
			}
		}
	}
}

// checkAfterCut opens a store on what the disk holds after a power failure, and
// returns the faults in what is stored and in what the receivers collect who go
// on. An error is one that they get, or the store's.
func (r *tracedRun) checkAfterCut(t *testing.T, c powerCut) (_ []Fault, err error) {
	t.Helper()
	dir := r.restore(t, c)
	received, err := openLocalServer(t.Context(), dir, neverSyncs)
	if err != nil {
		return nil, err
	}
	highest := make(map[rookery.UIN]uint64)
	defer func() {
		if err = errors.Join(err, received.store.Close()); err == nil {
			err = r.numbersAfterRestore(t, dir, highest)
		}
	}()
	sent := r.sentBefore(c)
	stored, collected := make(map[rookery.UIN][]Message), make(map[rookery.UIN][]Message)
	for _, uin := range r.crowd.receivers {
		box, readErr := storedMessages(t.Context(), received, uin)
		last, _, lastErr := received.store.MailboxState(t.Context(), uin, "")
		highest[uin] = last
		got, collectErr := r.collectAfterCut(t.Context(), received, uin, c)
		if err = errors.Join(err, readErr, lastErr, collectErr); err == nil && !slices.Equal(box, got) {
			err = fmt.Errorf("the mailbox of %d holds %d entries, and %d were collected, or others", uin, len(box),
				len(got))
		}
		stored[uin], collected[uin] = slices.DeleteFunc(box, isNotice), slices.DeleteFunc(got, isNotice)
	}
	return append(FindFaults(sent, stored), FindFaults(sent, collected)...), err
}

// numbersAfterRestore puts the database from before the run into what the power
// cut has left, and sends a message to each receiver. It is an error if its
// number was given out before the cut. The clock is of no help.
func (r *tracedRun) numbersAfterRestore(t *testing.T, dir string, highest map[rookery.UIN]uint64) (err error) {
	t.Helper()
	restore(t, dir, r.disk.ContentAfter(new(powercut.Trace), 1, powercut.KeepAll)[storeName])
	store, err := sqlite.Open(t.Context(), sqlite.Config{
		Path: filepath.Join(dir, storeName), Synchronous: "OFF", Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(0, 0) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for uin, before := range highest {
		letter := rookery.NewEntry{To: uin, Kind: rookery.KindMessage, Peer: writerUIN, Text: "after the restore"}
		receipt, err := store.Deliver(t.Context(), []rookery.NewEntry{letter}, time.Unix(0, 0), rookery.RequestKey{})
		if err != nil {
			return err
		}
		if n := receipt.Numbers[0]; n <= before {
			return fmt.Errorf("after a restore %d got the number %d, and had had %d before", uin, n, before)
		}
	}
	return nil
}

// restore writes what is left after a power failure into a directory.
func (r *tracedRun) restore(t *testing.T, c powerCut) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range r.disk.ContentAfter(r.trace, c.at, c.luck) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Memory shared between connections may have been written to the disk at
	// any time, or never: it means nothing.
	if err := os.WriteFile(filepath.Join(dir, storeName+"-shm"), bytes.Repeat([]byte{0xA5}, 32<<10),
		0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sentBefore is what was sent, with what was acknowledged before the cut.
func (r *tracedRun) sentBefore(c powerCut) []SentMessage {
	answered := make(map[string]bool)
	for _, a := range r.answers {
		if a.at <= c.at && a.RES == resDone {
			answered[a.SEQ] = true
		}
	}
	sent := slices.Clone(r.sent)
	for i := range sent {
		sent[i].Acknowledged = answered[sent[i].SEQ]
	}
	return sent
}

// collectAfterCut lets a receiver go on after the cut, and returns all that it has
// collected, before and after.
func (r *tracedRun) collectAfterCut(ctx context.Context, received *localServer, uin rookery.UIN, c powerCut) ([]Message,
	error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	me := &Client{UIN: uin, Post: received.post}
	all, next, err := r.collectedBefore(me, c)
	if err != nil {
		return nil, err
	}
	if c.lost.CMD == "GetMsgEx" && c.lost.UIN == uin {
		// It did not get what was about to be sent, and asks again.
		redeliveries, err := me.SendUntilDone(ctx, me.newRequestWithSEQ(c.lost.SEQ, "GetMsgEx", ""))
		if err != nil {
			return all, err
		}
		if redeliveries.Text != c.lost.Text {
			return all, fmt.Errorf("the answer was to be %s, the request repeated gets %s", c.lost.Text,
				redeliveries.Text)
		}
	}
	for request, last := next, false; ; request, last = me.NewRequest("GetMsgEx", ""), true {
		answer, err := me.SendUntilDone(ctx, request)
		if err != nil {
			return all, err
		}
		messages, err := answer.Messages()
		if err != nil || last && answer.Value("MN") == "0" {
			return all, err
		}
		all = append(all, messages...)
	}
}

// collectedBefore returns what a receiver was answered before the cut, and its
// next request, which may have been on its way already.
func (r *tracedRun) collectedBefore(me *Client, c powerCut) (all []Message, next Request, err error) {
	for _, a := range r.answers {
		if a.CMD != "GetMsgEx" || a.UIN != me.UIN || a.RES != resDone {
			continue
		}
		if a.at > c.at {
			return all, me.newRequestWithSEQ(a.SEQ, "GetMsgEx", ""), nil
		}
		messages, err := a.Messages()
		if err != nil {
			return nil, Request{}, err
		}
		all = append(all, messages...)
	}
	return all, me.NewRequest("GetMsgEx", ""), nil
}
