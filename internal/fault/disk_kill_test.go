package fault

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The server is killed repeatedly while a small disk is filled and freed. It must start each time, and lose nothing
// that it acknowledged.
func TestKillOnAFullDiskLosesNothing(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 12
	}
	seed, accounts, small := newSeed(t), newAccountSet(3, 2), newSmallDisk(t)
	s := small.serve(t, accounts)
	load := accounts.newLoad(t, s.dial, seed)
	load.PauseAfterAction = 20 * time.Millisecond // so that the messages alone do not fill the disk

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
			small.fill(t, smallDiskSize) // also takes the space that the killed server has freed
		}
		s.start()
	}
	small.free(t)
	awaitMessages(t, load, countAcknowledged(load)+50)
	end()
	t.Logf("%d of %d kills were on a full disk", full, kills)

	checkCollected(t, load)
	checkRelations(t, load)
	s.stop()
	dir := t.TempDir()
	copyFiles(t, dir, small.path(""))
	checkStored(t, dir, load)
}
