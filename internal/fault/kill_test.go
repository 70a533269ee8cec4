package fault

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Whenever the server is killed, clients that repeat what was not answered lose
// nothing and see nothing twice, and need no new login.
func TestNothingIsLostWhenTheServerIsKilled(t *testing.T) {
	tests := []struct {
		name         string
		race         bool
		kills, short int
	}{
		{"the program that users run", false, 10, 4},
		{"the program built with the race detector", true, 3, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			kills := test.kills
			if testing.Short() {
				kills = test.short
			}
			seed, dir, crowd := newSeed(t), t.TempDir(), newCrowd(8, 4)
			settle(t, dir, crowd.people())
			s := newServer(t, rookeryServe(t, dir, test.race))
			load := crowd.join(t, s.dial, seed)

			end := begin(t, load)
			killAtRandom(s, kills, rand.New(rand.NewPCG(seed, 1)))
			end()

			checkCollected(t, load)
			checkStandings(t, load)
			s.stop()
			checkStored(t, dir, load)
		})
	}
}

// killAtRandom kills the server again and again, some of the times while it
// starts, and starts it again.
func killAtRandom(s *server, kills int, rng *rand.Rand) {
	for range kills {
		<-time.After(time.Duration(rng.IntN(1200)) * time.Millisecond)
		s.process.kill()
		if rng.IntN(3) == 0 {
			s.launch()
			<-time.After(time.Duration(rng.IntN(60)) * time.Millisecond)
			s.process.kill()
		}
		s.start()
	}
}
