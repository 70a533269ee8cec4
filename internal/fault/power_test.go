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

// The power fails at random moments. The disk must have each acknowledged message once, and the server must not
// return collected messages as new ones. Numbers are not reused, even if an older database is restored afterwards.
// Servers with a flaw must fail these checks.
func TestPowerFailureLosesNothing(t *testing.T) {
	tests := []struct {
		name  string
		serve func(t *testing.T, dir string) serverProgram
		cuts  int
		want  FaultKind // the fault that the checks must find, "" for none
	}{
		{"the program that users run",
			func(t *testing.T, dir string) serverProgram { return rookeryServe(t, dir, false) }, 48, ""},
		{"the test binary without a flaw",
			func(_ *testing.T, dir string) serverProgram { return flawedProgram(flawless, dir) }, 12, ""},
		{"answers before the sync",
			func(_ *testing.T, dir string) serverProgram { return flawedProgram(answersBeforeSync, dir) }, 8, Lost},
		{"collections before the sync",
			func(_ *testing.T, dir string) serverProgram { return flawedProgram(collectsBeforeSync, dir) }, 16,
			Duplicated},
		{"synchronous=OFF",
			func(_ *testing.T, dir string) serverProgram { return flawedProgram(neverSyncs, dir) }, 8, Lost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cuts := test.cuts
			if testing.Short() && test.want == "" {
				cuts /= 2
			}
			seed, dir := newSeed(t), t.TempDir()
			run := recordRun(t, dir, test.serve(t, dir), seed)
			detected := false
			for c := range run.choosePowerCuts(rand.New(rand.NewPCG(seed, 2)), cuts) {
				faults, err := run.checkAfterCut(t, c)
				if test.want != "" {
					detected = detected || slices.ContainsFunc(faults,
						func(f Fault) bool { return f.Kind == test.want })
					if err != nil {
						t.Logf("%v: %v", c, err) // a flaw may also cause errors
					}
					continue
				}
				if err != nil {
					t.Errorf("%v: %v", c, err)
				}
				reportFaults(t, c.String(), faults)
			}
			if test.want != "" && !detected {
				t.Errorf("the checks did not find the fault %q of this server", test.want)
			}
		})
	}
}

// tracedRun is the run of a server under strace: the disk before it, the trace, and what the clients sent and got.
type tracedRun struct {
	disk     *powercut.Disk
	trace    *powercut.Trace
	answers  []sentAnswer
	sent     []SentMessage
	accounts accountSet
}

// sentAnswer is an answer and the moment at which the server began to send it. From then on, the client may have it.
type sentAnswer struct {
	Answer
	at powercut.Moment
}

// recordRun runs a load on a server under strace until it has acknowledged 300 messages, and stops the server.
func recordRun(t *testing.T, dir string, p serverProgram, seed uint64) *tracedRun {
	t.Helper()
	r := &tracedRun{accounts: newAccountSet(4, 2)}
	createAccounts(t, dir, r.accounts.newAccounts())
	var err error
	if r.disk, err = powercut.Snapshot(dir, isStore); err != nil {
		t.Fatal(err)
	}
	tracer := newTracer(t, dir)
	s := &server{t: t, program: p, command: tracer.command}
	s.start()
	load := r.accounts.newLoad(t, s.dial, seed)
	end := startLoad(t, load)
	awaitMessages(t, load, 300)
	end()
	s.stop()
	r.trace = tracer.read()
	r.sent, _ = load.Ledger.Snapshot()
	r.readAnswers(t)
	return r
}

// isStore reports whether a file is part of the store. The lock is not, nor is the shared memory, which SQLite
// creates anew.
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
		t.Fatalf("this test needs strace; install it with make prerequisites or apt-get install strace: %v", err)
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

// command returns a command that runs a program under strace. It can be used once.
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
		tr.t.Fatalf("strace does not end within %v", startStopTimeout)
	}
	if tr.err != nil {
		tr.t.Fatal(tr.err)
	}
	return tr.got
}

// readAnswers parses the answers in the trace.
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
		t.Fatalf("the trace has %d answers, want at least 100", len(r.answers))
	}
}

// powerCut is a power failure.
type powerCut struct {
	at powercut.Moment
	// survivors decides which unsynced changes survive; survivorText describes it.
	survivors    powercut.SurvivorFunc
	survivorText string
	// lost is an answer that the server began to send and the client did not get, if any.
	lost Answer
}

func (c powerCut) String() string {
	return fmt.Sprintf("power cut at moment %d, where %s of the unsynced changes survives", c.at, c.survivorText)
}

// choosePowerCuts chooses power failures of four kinds in turn. Two are at the moment of an answer, which arrives or
// is lost, and no unsynced changes survive. One is at any moment and one during the shutdown, which moves the log
// into the database; random unsynced changes survive these.
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
			answers := [][]sentAnswer{receipts, batches}[rng.IntN(2)]
			switch a := answers[rng.IntN(len(answers))]; i % 4 {
			case 0:
				c = powerCut{at: a.at, survivorText: "none", survivors: powercut.KeepNone}
			case 1:
				c = powerCut{at: a.at, survivorText: "none", survivors: powercut.KeepNone, lost: a.Answer}
			case 2:
				c = powerCut{at: between(first, last), survivorText: "a part", survivors: randomSurvivors(rng)}
			case 3:
				c = powerCut{at: between(last, r.trace.End+1), survivorText: "a part", survivors: randomSurvivors(rng)}
			}
			if !yield(c) {
				return
			}
		}
	}
}

// randomSurvivors returns a SurvivorFunc that keeps a random number of changes.
func randomSurvivors(rng *rand.Rand) powercut.SurvivorFunc {
	return func(count int) int { return rng.IntN(count + 1) }
}

// checkAfterCut opens the store that is left after a power failure, and lets the receivers collect the rest. It
// returns the faults in the stored and in the collected messages, and the first error of the store or a receiver.
func (r *tracedRun) checkAfterCut(t *testing.T, c powerCut) (_ []Fault, err error) {
	t.Helper()
	dir := r.restore(t, c)
	s, err := openLocalServer(t.Context(), dir, neverSyncs)
	if err != nil {
		return nil, err
	}
	highest := make(map[rookery.UIN]uint64)
	defer func() {
		if err = errors.Join(err, s.store.Close()); err == nil {
			err = r.checkNumbersAfterRestore(t, dir, highest)
		}
	}()
	sent := r.sentBefore(c)
	stored, collected := make(map[rookery.UIN][]Message), make(map[rookery.UIN][]Message)
	for _, uin := range r.accounts.receivers {
		mailbox, readErr := storedMessages(t.Context(), s, uin)
		last, _, lastErr := s.store.MailboxState(t.Context(), uin, "")
		highest[uin] = last
		got, collectErr := r.collectAfterCut(t.Context(), s, uin, c)
		if err = errors.Join(err, readErr, lastErr, collectErr); err == nil && !slices.Equal(mailbox, got) {
			err = fmt.Errorf("the %d entries in the mailbox of %d differ from the %d collected ones", len(mailbox), uin,
				len(got))
		}
		stored[uin], collected[uin] = slices.DeleteFunc(mailbox, isNotice), slices.DeleteFunc(got, isNotice)
	}
	return append(FindFaults(sent, stored), FindFaults(sent, collected)...), err
}

// checkNumbersAfterRestore restores the database from before the run after a power cut, and sends a message to each
// receiver. It returns an error if the number of the message is not above the highest one before the cut. The clock
// stands at zero, so that the store cannot derive the number from it.
func (r *tracedRun) checkNumbersAfterRestore(t *testing.T, dir string, highest map[rookery.UIN]uint64) (err error) {
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
		entry := rookery.NewEntry{To: uin, Kind: rookery.KindMessage, Peer: writerUIN, Text: "after the restore"}
		receipt, err := store.Deliver(t.Context(), []rookery.NewEntry{entry}, time.Unix(0, 0), rookery.RequestKey{})
		if err != nil {
			return err
		}
		if n := receipt.Numbers[0]; n <= before {
			return fmt.Errorf("after a restore, %d got number %d, want one above %d", uin, n, before)
		}
	}
	return nil
}

// restore writes the files that are left after a power failure into a new directory.
func (r *tracedRun) restore(t *testing.T, c powerCut) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range r.disk.ContentAfter(r.trace, c.at, c.survivors) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The shared memory may have been written to the disk at any time, or never, so its content must not matter.
	if err := os.WriteFile(filepath.Join(dir, storeName+"-shm"), bytes.Repeat([]byte{0xA5}, 32<<10),
		0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sentBefore returns the sent messages. Acknowledged is set if the answer was sent before the cut.
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

// collectAfterCut collects the remaining messages of a receiver after the cut. It returns all messages that the
// receiver has collected, before and after.
func (r *tracedRun) collectAfterCut(ctx context.Context, s *localServer, uin rookery.UIN, c powerCut) ([]Message,
	error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	receiver := &Client{UIN: uin, Post: s.post}
	collected, next, err := r.collectedBefore(receiver, c)
	if err != nil {
		return nil, err
	}
	if c.lost.CMD == "GetMsgEx" && c.lost.UIN == uin {
		// The receiver repeats the request whose answer was lost.
		answer, err := receiver.SendUntilDone(ctx, receiver.newRequestWithSEQ(c.lost.SEQ, "GetMsgEx", ""))
		if err != nil {
			return collected, err
		}
		if answer.Text != c.lost.Text {
			return collected, fmt.Errorf("the repeated request got %s, want %s as before", answer.Text, c.lost.Text)
		}
	}
	for request, isNew := next, false; ; request, isNew = receiver.NewRequest("GetMsgEx", ""), true {
		answer, err := receiver.SendUntilDone(ctx, request)
		if err != nil {
			return collected, err
		}
		messages, err := answer.Messages()
		if err != nil || isNew && answer.Value("MN") == "0" {
			return collected, err
		}
		collected = append(collected, messages...)
	}
}

// collectedBefore returns the messages that a receiver has collected before the cut, and its next request. If the
// receiver has sent that request before the cut, it is the same one.
func (r *tracedRun) collectedBefore(receiver *Client, c powerCut) (collected []Message, next Request, err error) {
	for _, a := range r.answers {
		if a.CMD != "GetMsgEx" || a.UIN != receiver.UIN || a.RES != resDone {
			continue
		}
		if a.at > c.at {
			return collected, receiver.newRequestWithSEQ(a.SEQ, "GetMsgEx", ""), nil
		}
		messages, err := a.Messages()
		if err != nil {
			return nil, Request{}, err
		}
		collected = append(collected, messages...)
	}
	return collected, receiver.NewRequest("GetMsgEx", ""), nil
}
