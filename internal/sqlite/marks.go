package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// storedKey is a mark with what its request came to, or with outcomeForgotten.
type storedKey struct {
	mark    rookery.RequestKey
	outcome rookery.Outcome
}

// Neither is an outcome. What was done before is of no use to whoever comes
// after.
const (
	// outcomeForgotten: the mark's owner has forgotten the mark's device then,
	// and there may be a new one of that name.
	outcomeForgotten rookery.Outcome = 255
	// outcomeRemoved: the mark's owner was removed then, and there may be a new
	// account of that number.
	outcomeRemoved rookery.Outcome = 254
)

// covers reports whether m, done at a time, is repeated by a request.
func covers(at time.Duration, request rookery.RequestKey) bool {
	return max(request.ReceivedAt-at, 0) < request.RepeatWindow
}

// requestKeys are the remembered requests. 20,000 a second over two minutes are 2.4
// million, so the maps hold no pointers for the garbage collector to follow,
// and forgetting drops whole maps.
type requestKeys struct {
	max int

	mu   sync.RWMutex     // guards the rest; only the writer changes it
	eras []*keyGeneration // oldest first, never empty
	// uptime is the latest time heard of.
	uptime time.Duration
	// forgotten: what is from before this is not remembered any more.
	forgotten time.Duration
	// cuts counts the devices that were forgotten and the accounts that were
	// removed since the store was opened.
	cuts uint32
}

// eraSpan is how much time the marks of an era span.
const eraSpan = 30 * time.Second

// keyGeneration holds the marks of a while.
type keyGeneration struct {
	began, newest time.Duration
	done          map[digest]keyState
	// latest holds the latest mark of each line.
	latest map[keyOwner]digest
	// cut and removed say which of the cuts a line or an account had last: what
	// it did before is void.
	cut     map[keyOwner]uint32
	removed map[rookery.UIN]uint32
}

// digest stands for a request and for the device that it came from.
type digest [16]byte

// keyState is what became of a request, when, and after how many cuts.
type keyState struct {
	at      time.Duration
	cuts    uint32
	outcome rookery.Outcome
}

// keyOwner is one memory: an account's address sessions, or one of its devices.
type keyOwner struct {
	owner  rookery.UIN
	device uint64 // 64 bits of a hash of its name, 0 for address sessions
}

func keysOf(key rookery.RequestKey) (digest, keyOwner) {
	if key.Device == "" {
		return key.Digest, keyOwner{owner: key.Owner}
	}
	sum := sha256.Sum256(append(key.Digest[:], key.Device...))
	name := sha256.Sum256([]byte(key.Device))
	return digest(sum[:16]), keyOwner{key.Owner, binary.LittleEndian.Uint64(name[:])}
}

func newMarks(most int) *requestKeys {
	return &requestKeys{max: most, eras: []*keyGeneration{newEra(0)}}
}

func newEra(began time.Duration) *keyGeneration {
	return &keyGeneration{
		began: began, newest: began, done: make(map[digest]keyState), latest: make(map[keyOwner]digest),
		cut: make(map[keyOwner]uint32), removed: make(map[rookery.UIN]uint32),
	}
}

// recall looks for a request that m repeats.
func (k *requestKeys) recall(key rookery.RequestKey) (rookery.Outcome, bool) {
	if key.IsZero() {
		return 0, false
	}
	digest, keyOwner := keysOf(key)
	k.mu.RLock()
	defer k.mu.RUnlock()
	cut := uint32(0)
	for _, keyGeneration := range slices.Backward(k.eras) {
		keyState, ok := keyGeneration.done[digest]
		_, later := keyGeneration.latest[keyOwner]
		cut = max(cut, keyGeneration.cut[keyOwner], keyGeneration.removed[keyOwner.owner])
		switch {
		case ok && keyState.cuts >= cut && keyState.at >= k.forgotten && covers(keyState.at, key) && (!key.LatestOnly || keyGeneration.latest[keyOwner] == digest):
			return keyState.outcome, true
		case ok, later && key.LatestOnly:
			return 0, false
		}
	}
	return 0, false
}

// add remembers requests, in the order in which they were done.
func (k *requestKeys) add(list []storedKey) {
	if len(list) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, stored := range list {
		keyGeneration := k.eras[len(k.eras)-1]
		if stored.mark.ReceivedAt >= keyGeneration.began+eraSpan {
			keyGeneration = newEra(stored.mark.ReceivedAt)
			k.eras = append(k.eras, keyGeneration)
		}
		digest, keyOwner := keysOf(stored.mark)
		switch stored.outcome {
		case outcomeForgotten:
			k.cuts++
			keyGeneration.cut[keyOwner] = k.cuts
			continue
		case outcomeRemoved:
			k.cuts++
			keyGeneration.removed[keyOwner.owner] = k.cuts
			continue
		}
		keyGeneration.done[digest] = keyState{stored.mark.ReceivedAt, k.cuts, stored.outcome}
		keyGeneration.latest[keyOwner] = digest
		keyGeneration.newest = max(keyGeneration.newest, stored.mark.ReceivedAt)
		k.uptime = max(k.uptime, stored.mark.ReceivedAt)
	}
}

// beat notes how long servers have been up, and forgets what is from before a
// time.
func (k *requestKeys) beat(up, forget time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.uptime = max(k.uptime, up)
	k.forgotten = max(k.forgotten, forget)
	for len(k.eras) > 1 && k.eras[0].newest < k.forgotten {
		k.eras = slices.Delete(k.eras, 0, 1)
	}
	if last := k.eras[0]; len(k.eras) == 1 && last.newest < k.forgotten {
		k.eras[0] = newEra(k.forgotten)
	}
}

func (k *requestKeys) up() time.Duration {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.uptime
}

func (k *requestKeys) count() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	n := 0
	for _, keyGeneration := range k.eras {
		n += len(keyGeneration.done)
	}
	return n
}

// repeated looks for an equal request, among those of the same batch too, whose
// answer waits for the same commit.
func (b *writeBatch) repeated(key rookery.RequestKey) (rookery.Receipt, bool) {
	if key.IsZero() {
		return rookery.Receipt{}, false
	}
	for _, stored := range slices.Backward(b.marked) {
		if stored.mark.Owner != key.Owner || stored.mark.Device != key.Device && stored.outcome != outcomeRemoved {
			continue
		}
		if stored.outcome == outcomeForgotten || stored.outcome == outcomeRemoved {
			return rookery.Receipt{}, false
		}
		if stored.mark.Digest == key.Digest && covers(stored.mark.ReceivedAt, key) {
			return rookery.Receipt{Outcome: stored.outcome, Repeated: true}, true
		}
		if key.LatestOnly {
			return rookery.Receipt{}, false // another is the latest
		}
	}
	outcome, ok := b.marks.recall(key)
	return rookery.Receipt{Outcome: outcome, Repeated: ok}, ok
}

var errFull = rookery.Temporary(errors.New("too many requests of the last minutes to remember"))

// roomFor says with an error that one more mark cannot be remembered. It is
// asked before anything is done.
func (b *writeBatch) roomFor(key rookery.RequestKey) error {
	if key.IsZero() {
		return nil
	}
	if b.marks.count()+len(b.marked) < b.marks.max {
		b.full = false
		return nil
	}
	if !b.full {
		b.full = true
		b.log.Error("requests are turned away: too many of the last minutes to remember", "most", b.marks.max)
	}
	return errFull
}

// remember notes what a request came to.
func (b *writeBatch) remember(key rookery.RequestKey, outcome rookery.Outcome) {
	if !key.IsZero() {
		b.marked = append(b.marked, storedKey{key, outcome})
	}
}

// forget makes what a device did of no use to a new one of its name.
func (b *writeBatch) forget(owner rookery.UIN, device string) {
	b.cut(rookery.RequestKey{Owner: owner, Device: device}, outcomeForgotten)
}

// forgetAll makes what an account did of no use to a new one of its number.
func (b *writeBatch) forgetAll(owner rookery.UIN) {
	b.cut(rookery.RequestKey{Owner: owner}, outcomeRemoved)
}

// cut notes one of these at the latest time heard of.
func (b *writeBatch) cut(key rookery.RequestKey, why rookery.Outcome) {
	key.ReceivedAt = b.marks.up()
	for _, earlier := range b.marked {
		key.ReceivedAt = max(key.ReceivedAt, earlier.mark.ReceivedAt)
	}
	b.marked = append(b.marked, storedKey{key, why})
}

// recover reads back what is counted in memory. made: the store is a new one.
func (w *writer) recover(made bool) error {
	if err := w.replay(); err != nil {
		return err
	}
	if err := w.loadNumbers(made); err != nil {
		return err
	}
	clear(w.heads) // replay knew of no floor
	for name, into := range map[string]*time.Duration{"uptime": &w.marks.uptime, "forgotten": &w.marks.forgotten} {
		_, err := w.conn.first("SELECT value FROM meta WHERE name = ?", func(r row) { *into = time.Duration(r.int(0)) }, name)
		if err != nil {
			return err
		}
	}
	w.marks.beat(0, 0)
	var damaged error
	err := w.conn.each("SELECT marks FROM marks ORDER BY id", func(r row) bool {
		var list []storedKey
		list, damaged = parseMarks(r.blob(0))
		w.marks.add(list)
		return damaged == nil
	})
	return errors.Join(err, damaged)
}

// A row of marks is the byte marksVersion and then, for each mark: the owner,
// the outcome (uvarints), the time (a varint, nanoseconds of uptime), the 16
// bytes of the digest, the length of the device's name in bytes (a uvarint) and
// the name. A device that was forgotten, or an account that was removed, is one of
// these too, see outcomeForgotten and outcomeRemoved; its digest is zero.
const marksVersion = 1

func appendMarks(blob []byte, list []storedKey) []byte {
	blob = append(blob, marksVersion)
	for _, stored := range list {
		blob = binary.AppendUvarint(blob, uint64(stored.mark.Owner))
		blob = binary.AppendUvarint(blob, uint64(stored.outcome))
		blob = binary.AppendVarint(blob, int64(stored.mark.ReceivedAt))
		blob = append(blob, stored.mark.Digest[:]...)
		blob = binary.AppendUvarint(blob, uint64(len(stored.mark.Device)))
		blob = append(blob, stored.mark.Device...)
	}
	return blob
}

func parseMarks(blob []byte) ([]storedKey, error) {
	var list []storedKey
	p := journalReader{rest: blob}
	if v := p.byte(); v != marksVersion {
		return nil, errors.New("the remembered requests have a row of an unknown version")
	}
	for len(p.rest) > 0 {
		stored := storedKey{mark: rookery.RequestKey{Owner: rookery.UIN(p.uvarint())}}
		stored.outcome = rookery.Outcome(p.uvarint())
		stored.mark.ReceivedAt = time.Duration(p.varint())
		copy(stored.mark.Digest[:], p.bytes(16))
		stored.mark.Device = string(p.bytes(p.uvarint()))
		if p.bad {
			return nil, errors.New("the remembered requests have a damaged row")
		}
		list = append(list, stored)
	}
	return list, nil
}

// newest is the latest time of a list.
func newest(list []storedKey) time.Duration {
	at := list[0].mark.ReceivedAt
	for _, stored := range list {
		at = max(at, stored.mark.ReceivedAt)
	}
	return at
}
