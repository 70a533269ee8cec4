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
	return max(request.At-at, 0) < request.Window
}

// requestKeys are the remembered requests. 20,000 a second over two minutes are 2.4
// million, so the maps hold no pointers for the garbage collector to follow,
// and forgetting drops whole maps.
type requestKeys struct {
	max int

	mu   sync.RWMutex // guards the rest; only the writer changes it
	eras []*keyGeneration       // oldest first, never empty
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

func keysOf(m rookery.RequestKey) (digest, keyOwner) {
	if m.Device == "" {
		return m.Digest, keyOwner{owner: m.Owner}
	}
	sum := sha256.Sum256(append(m.Digest[:], m.Device...))
	name := sha256.Sum256([]byte(m.Device))
	return digest(sum[:16]), keyOwner{m.Owner, binary.LittleEndian.Uint64(name[:])}
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
func (k *requestKeys) recall(m rookery.RequestKey) (rookery.Outcome, bool) {
	if m.IsZero() {
		return 0, false
	}
	d, l := keysOf(m)
	k.mu.RLock()
	defer k.mu.RUnlock()
	cut := uint32(0)
	for _, e := range slices.Backward(k.eras) {
		f, ok := e.done[d]
		_, later := e.latest[l]
		cut = max(cut, e.cut[l], e.removed[l.owner])
		switch {
		case ok && f.cuts >= cut && f.at >= k.forgotten && covers(f.at, m) && (!m.LatestOnly || e.latest[l] == d):
			return f.outcome, true
		case ok, later && m.LatestOnly:
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
	for _, m := range list {
		e := k.eras[len(k.eras)-1]
		if m.mark.At >= e.began+eraSpan {
			e = newEra(m.mark.At)
			k.eras = append(k.eras, e)
		}
		d, l := keysOf(m.mark)
		switch m.outcome {
		case outcomeForgotten:
			k.cuts++
			e.cut[l] = k.cuts
			continue
		case outcomeRemoved:
			k.cuts++
			e.removed[l.owner] = k.cuts
			continue
		}
		e.done[d] = keyState{m.mark.At, k.cuts, m.outcome}
		e.latest[l] = d
		e.newest = max(e.newest, m.mark.At)
		k.uptime = max(k.uptime, m.mark.At)
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
	for _, e := range k.eras {
		n += len(e.done)
	}
	return n
}

// repeated looks for an equal request, among those of the same batch too, whose
// answer waits for the same commit.
func (b *writeBatch) repeated(m rookery.RequestKey) (rookery.Receipt, bool) {
	if m.IsZero() {
		return rookery.Receipt{}, false
	}
	for _, f := range slices.Backward(b.marked) {
		if f.mark.Owner != m.Owner || f.mark.Device != m.Device && f.outcome != outcomeRemoved {
			continue
		}
		if f.outcome == outcomeForgotten || f.outcome == outcomeRemoved {
			return rookery.Receipt{}, false
		}
		if f.mark.Digest == m.Digest && covers(f.mark.At, m) {
			return rookery.Receipt{Outcome: f.outcome, Repeated: true}, true
		}
		if m.LatestOnly {
			return rookery.Receipt{}, false // another is the latest
		}
	}
	outcome, ok := b.marks.recall(m)
	return rookery.Receipt{Outcome: outcome, Repeated: ok}, ok
}

var errFull = rookery.Temporary(errors.New("too many requests of the last minutes to remember"))

// roomFor says with an error that one more mark cannot be remembered. It is
// asked before anything is done.
func (b *writeBatch) roomFor(m rookery.RequestKey) error {
	if m.IsZero() {
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
func (b *writeBatch) remember(m rookery.RequestKey, outcome rookery.Outcome) {
	if !m.IsZero() {
		b.marked = append(b.marked, storedKey{m, outcome})
	}
}

// forget makes what a device did of no use to a new one of its name.
func (b *writeBatch) forget(owner rookery.UIN, device string) {
	b.cut(rookery.RequestKey{Owner: owner, Device: device}, outcomeForgotten)
}

// forgetAll makes what an account did of no use to a new one of its number.
func (b *writeBatch) forgetAll(owner rookery.UIN) { b.cut(rookery.RequestKey{Owner: owner}, outcomeRemoved) }

// cut notes one of these at the latest time heard of.
func (b *writeBatch) cut(m rookery.RequestKey, why rookery.Outcome) {
	m.At = b.marks.up()
	for _, earlier := range b.marked {
		m.At = max(m.At, earlier.mark.At)
	}
	b.marked = append(b.marked, storedKey{m, why})
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
	for _, m := range list {
		blob = binary.AppendUvarint(blob, uint64(m.mark.Owner))
		blob = binary.AppendUvarint(blob, uint64(m.outcome))
		blob = binary.AppendVarint(blob, int64(m.mark.At))
		blob = append(blob, m.mark.Digest[:]...)
		blob = binary.AppendUvarint(blob, uint64(len(m.mark.Device)))
		blob = append(blob, m.mark.Device...)
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
		m := storedKey{mark: rookery.RequestKey{Owner: rookery.UIN(p.uvarint())}}
		m.outcome = rookery.Outcome(p.uvarint())
		m.mark.At = time.Duration(p.varint())
		copy(m.mark.Digest[:], p.bytes(16))
		m.mark.Device = string(p.bytes(p.uvarint()))
		if p.bad {
			return nil, errors.New("the remembered requests have a damaged row")
		}
		list = append(list, m)
	}
	return list, nil
}

// newest is the latest time of a list.
func newest(list []storedKey) time.Duration {
	at := list[0].mark.At
	for _, m := range list {
		at = max(at, m.mark.At)
	}
	return at
}
