package fault

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The server is killed at random times. Clients that repeat unanswered requests lose no message, see none twice,
// and need no new login.
func TestKillLosesNothing(t *testing.T) {
	tests := []struct {
		name         string
		race         bool
		kills, short int
	}{
		{"the program that users run", false, 10, 4},
		{"the program built with the race detector", true, 2, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			kills := test.kills
			if testing.Short() {
				kills = test.short
			}
			seed, dir, accounts := newSeed(t), t.TempDir(), newAccountSet(8, 4)
			createAccounts(t, dir, accounts.newAccounts())
			s := newServer(t, rookeryServe(t, dir, test.race))
			load := accounts.newLoad(t, s.dial, seed)

			end := startLoad(t, load)
			killAtRandom(s, kills, rand.New(rand.NewPCG(seed, 1)))
			awaitMessages(t, load, countAcknowledged(load)+50)
			end()

			checkCollected(t, load)
			checkRelations(t, load)
			s.stop()
			checkStored(t, dir, load)
		})
	}
}

// A server that treats repeated messages as new ones must fail the checks.
func TestServerWithoutRequestKeysIsDetected(t *testing.T) {
	seed, dir, accounts := newSeed(t), t.TempDir(), newAccountSet(8, 2)
	createAccounts(t, dir, accounts.newAccounts())
	s := newServer(t, flawedProgram(forgetsSEQs, dir))
	load := accounts.newLoad(t, s.dial, seed)

	end := startLoad(t, load)
	killAtRandom(s, 1, rand.New(rand.NewPCG(seed, 1)))
	awaitMessages(t, load, 200)
	end()

	faults := FindFaults(load.Ledger.Snapshot())
	isDuplicate := func(f Fault) bool { return f.Kind == Duplicated }
	if !slices.ContainsFunc(faults, isDuplicate) {
		t.Error("FindFaults reports no duplicate of a server without request keys, so the tests detect none")
	}
	reportFaults(t, "collected", slices.DeleteFunc(faults, isDuplicate))
}

// killAtRandom kills and restarts the server several times, sometimes during its start.
func killAtRandom(s *server, kills int, rng *rand.Rand) {
	for range kills {
		<-time.After(time.Duration(rng.IntN(1200)) * time.Millisecond)
		s.process.kill()
		if rng.IntN(3) == 0 {
			s.startProcess()
			<-time.After(time.Duration(rng.IntN(60)) * time.Millisecond)
			s.process.kill()
		}
		s.start()
	}
}
