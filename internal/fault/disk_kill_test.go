package fault

import (
	"math/rand/v2"
	"testing"
	"time"
)

// While room on a small disk comes and goes, the server is killed again and
// again. It starts each time, and nothing that was acknowledged is lost, whether
// there was room or none.
func TestNothingIsLostWhenTheServerIsKilledOnAFullDisk(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 12
	}
	seed, crowd, small := newSeed(t), newCrowd(3, 2), newSmallDisk(t)
	s := small.serve(t, crowd)
	load := crowd.newLoad(t, s.dial, seed)
	load.PauseAfterAction = 20 * time.Millisecond // a small disk is soon full of messages

	end := startLoad(t, load)
	rng := rand.New(rand.NewPCG(seed, 2))
	full := 0
	for i := range kills {
		<-time.After(time.Duration(rng.IntN(250)) * time.Millisecond)
		switch rng.IntN(4) {
		case 0:
			small.free(t)
		case 1:
			small.fill(t, rng.IntN(smallDiskSize))
		default:
			small.fill(t, smallDiskSize)
			full++
		}
		<-time.After(time.Duration(rng.IntN(250)) * time.Millisecond)
		s.process.kill()
		if i%10 == 9 {
			small.fill(t, smallDiskSize) // what the killed one had is taken as well
		}
		s.start()
	}
	small.free(t)
	awaitMessages(t, load, countAcknowledged(load)+50)
	end()
	t.Logf("of %d kills %d were on a disk without room", kills, full)

	checkCollected(t, load)
	checkRelations(t, load)
	s.stop()
	dir := t.TempDir()
	copyFiles(t, dir, small.path(""))
	checkStored(t, dir, load)
}
