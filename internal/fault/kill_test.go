package fault

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// The server is killed at random times. Clients that repeat unanswered requests lose nothing, see nothing twice,
// and need no new login.
func TestNothingIsLostWhenTheServerIsKilled(t *testing.T) {
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
			seed, dir, crowd := newSeed(t), t.TempDir(), newCrowd(8, 4)
			createAccounts(t, dir, crowd.newAccounts())
			s := newServer(t, rookeryServe(t, dir, test.race))
			load := crowd.newLoad(t, s.dial, seed)

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

// A server that takes a repeated message for a new one is caught.
func TestAServerThatForgetsSEQsIsCaught(t *testing.T) {
	seed, dir, crowd := newSeed(t), t.TempDir(), newCrowd(8, 2)
	createAccounts(t, dir, crowd.newAccounts())
	s := newServer(t, flawedProgram(forgetsSEQs, dir))
	load := crowd.newLoad(t, s.dial, seed)

	end := startLoad(t, load)
	killAtRandom(s, 1, rand.New(rand.NewPCG(seed, 1)))
	awaitMessages(t, load, 200)
	end()

	faults := FindFaults(load.Ledger.Snapshot())
	twice := func(f Fault) bool { return f.Kind == Duplicated }
	if !slices.ContainsFunc(faults, twice) {
		t.Error("no message is there twice: what these tests check, they cannot see")
	}
	reportFaults(t, "collected", slices.DeleteFunc(faults, twice))
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
