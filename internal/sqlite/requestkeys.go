package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// storedKey is a request key with its outcome or a marker.
type storedKey struct {
	key     rookery.RequestKey
	outcome rookery.Outcome
}

// Markers are stored in place of an outcome. They invalidate earlier keys.
const (
	// markerDeviceForgotten: the account has forgotten the device, and a new device may take its name.
	markerDeviceForgotten rookery.Outcome = 255
	// markerAccountRemoved: the account was removed, and a new account may take its number.
	markerAccountRemoved rookery.Outcome = 254
)

// isWithinWindow reports whether a request that was recorded at a time still makes the given one a
// repeat.
func isWithinWindow(at time.Duration, request rookery.RequestKey) bool {
	return max(request.ReceivedAt-at, 0) < request.RepeatWindow
}

// requestKeys holds the remembered requests. 20,000 requests a second for two minutes are 2.4 million
// keys. So the maps hold no pointers, which the garbage collector would follow, and old keys are
// dropped by whole maps.
type requestKeys struct {
	maxKeys int

	mu          sync.RWMutex     // guards the fields below; only the writer changes them
	generations []*keyGeneration // oldest first, never empty
	// uptime is the latest uptime of the server that was recorded.
	uptime time.Duration
	// Keys from before forgottenBefore do not count any more.
	forgottenBefore time.Duration
	// invalidations counts the forgotten devices and removed accounts since the store was opened.
	invalidations uint32
}

// generationSpan is the uptime that the keys of one generation span.
const generationSpan = 30 * time.Second

// keyGeneration holds the keys of one span of uptime.
type keyGeneration struct {
	startedAt, newestAt time.Duration
	statesByDigest      map[requestDigest]keyState
	// latestByOwner holds the latest request of each owner.
	latestByOwner map[keyOwner]requestDigest
	// forgottenDevices and removedAccounts hold the count of invalidations at the latest one of an
	// owner or account. Keys with a lower count are void.
	forgottenDevices map[keyOwner]uint32
	removedAccounts  map[rookery.UIN]uint32
}

// requestDigest identifies a request and the device that it came from.
type requestDigest [16]byte

// keyState is the outcome of a request, when it was recorded, and the count of invalidations at that
// time.
type keyState struct {
	recordedAt    time.Duration
	invalidations uint32
	outcome       rookery.Outcome
}

// keyOwner is a sequence of requests: those of an account's address sessions, or of one device.
type keyOwner struct {
	account    rookery.UIN
	deviceHash uint64 // 64 bits of a hash of the device's name, 0 for address sessions
}

func digestAndOwner(key rookery.RequestKey) (requestDigest, keyOwner) {
	if key.Device == "" {
		return key.Digest, keyOwner{account: key.Owner}
	}
	digest := sha256.Sum256(append(key.Digest[:], key.Device...))
	deviceHash := sha256.Sum256([]byte(key.Device))
	return requestDigest(digest[:16]), keyOwner{key.Owner, binary.LittleEndian.Uint64(deviceHash[:])}
}

func newRequestKeys(maxKeys int) *requestKeys {
	return &requestKeys{maxKeys: maxKeys, generations: []*keyGeneration{newKeyGeneration(0)}}
}

func newKeyGeneration(startedAt time.Duration) *keyGeneration {
	return &keyGeneration{
		startedAt: startedAt, newestAt: startedAt,
		statesByDigest: make(map[requestDigest]keyState), latestByOwner: make(map[keyOwner]requestDigest),
		forgottenDevices: make(map[keyOwner]uint32), removedAccounts: make(map[rookery.UIN]uint32),
	}
}

// findOutcome returns the outcome of the recorded request that key repeats.
func (k *requestKeys) findOutcome(key rookery.RequestKey) (rookery.Outcome, bool) {
	if key.IsZero() {
		return 0, false
	}
	digest, owner := digestAndOwner(key)
	k.mu.RLock()
	defer k.mu.RUnlock()
	latestInvalidation := uint32(0) // of this owner or account
	for _, generation := range slices.Backward(k.generations) {
		state, found := generation.statesByDigest[digest]
		latest, hasLater := generation.latestByOwner[owner]
		latestInvalidation = max(
			latestInvalidation, generation.forgottenDevices[owner], generation.removedAccounts[owner.account],
		)
		isVoid := state.invalidations < latestInvalidation || state.recordedAt < k.forgottenBefore
		switch {
		case found && !isVoid && isWithinWindow(state.recordedAt, key) && (!key.LatestOnly || latest == digest):
			return state.outcome, true
		case found, hasLater && key.LatestOnly:
			return 0, false
		}
	}
	return 0, false
}

// addKeys adds keys in the order in which their requests were carried out.
func (k *requestKeys) addKeys(list []storedKey) {
	if len(list) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, stored := range list {
		generation := k.generations[len(k.generations)-1]
		if stored.key.ReceivedAt >= generation.startedAt+generationSpan {
			generation = newKeyGeneration(stored.key.ReceivedAt)
			k.generations = append(k.generations, generation)
		}
		digest, owner := digestAndOwner(stored.key)
		switch stored.outcome {
		case markerDeviceForgotten:
			k.invalidations++
			generation.forgottenDevices[owner] = k.invalidations
			continue
		case markerAccountRemoved:
			k.invalidations++
			generation.removedAccounts[owner.account] = k.invalidations
			continue
		}
		generation.statesByDigest[digest] = keyState{stored.key.ReceivedAt, k.invalidations, stored.outcome}
		generation.latestByOwner[owner] = digest
		generation.newestAt = max(generation.newestAt, stored.key.ReceivedAt)
		k.uptime = max(k.uptime, stored.key.ReceivedAt)
	}
}

// recordUptime raises the uptime and drops generations from before forgetBefore.
func (k *requestKeys) recordUptime(uptime, forgetBefore time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.uptime = max(k.uptime, uptime)
	k.forgottenBefore = max(k.forgottenBefore, forgetBefore)
	for len(k.generations) > 1 && k.generations[0].newestAt < k.forgottenBefore {
		k.generations = slices.Delete(k.generations, 0, 1)
	}
	if last := k.generations[0]; len(k.generations) == 1 && last.newestAt < k.forgottenBefore {
		k.generations[0] = newKeyGeneration(k.forgottenBefore)
	}
}

func (k *requestKeys) latestUptime() time.Duration {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.uptime
}

func (k *requestKeys) keyCount() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	n := 0
	for _, generation := range k.generations {
		n += len(generation.statesByDigest)
	}
	return n
}

// findRepeat looks for an equal request, first among those of the same batch, which are not published
// yet.
func (b *writeBatch) findRepeat(key rookery.RequestKey) (rookery.Receipt, bool) {
	if key.IsZero() {
		return rookery.Receipt{}, false
	}
	for _, stored := range slices.Backward(b.newKeys) {
		if stored.key.Owner != key.Owner || stored.key.Device != key.Device && stored.outcome != markerAccountRemoved {
			continue
		}
		if stored.outcome == markerDeviceForgotten || stored.outcome == markerAccountRemoved {
			return rookery.Receipt{}, false
		}
		if stored.key.Digest == key.Digest && isWithinWindow(stored.key.ReceivedAt, key) {
			return rookery.Receipt{Outcome: stored.outcome, Repeated: true}, true
		}
		if key.LatestOnly {
			return rookery.Receipt{}, false // another request is the latest
		}
	}
	outcome, ok := b.requestKeys.findOutcome(key)
	return rookery.Receipt{Outcome: outcome, Repeated: ok}, ok
}

var errTooManyKeys = rookery.Temporary(errors.New("the server remembers too many recent requests: try again later"))

// checkKeyCapacity returns an error if there are too many keys to record another one. Operations call
// it before they change anything.
func (b *writeBatch) checkKeyCapacity(key rookery.RequestKey) error {
	if key.IsZero() {
		return nil
	}
	if b.requestKeys.keyCount()+len(b.newKeys) < b.requestKeys.maxKeys {
		b.keysFull = false
		return nil
	}
	if !b.keysFull {
		b.keysFull = true
		b.log.Error("requests are refused: there are too many recent ones to remember", "limit", b.requestKeys.maxKeys)
	}
	return errTooManyKeys
}

// recordKey adds a key with its outcome to the batch. The zero key is not recorded.
func (b *writeBatch) recordKey(key rookery.RequestKey, outcome rookery.Outcome) {
	if !key.IsZero() {
		b.newKeys = append(b.newKeys, storedKey{key, outcome})
	}
}

// invalidateDeviceKeys makes the keys of a device void for a new device of the same name.
func (b *writeBatch) invalidateDeviceKeys(owner rookery.UIN, device string) {
	b.appendInvalidation(rookery.RequestKey{Owner: owner, Device: device}, markerDeviceForgotten)
}

// invalidateAccountKeys makes the keys of an account void for a new account of the same number.
func (b *writeBatch) invalidateAccountKeys(owner rookery.UIN) {
	b.appendInvalidation(rookery.RequestKey{Owner: owner}, markerAccountRemoved)
}

// appendInvalidation adds a marker at the latest known uptime.
func (b *writeBatch) appendInvalidation(key rookery.RequestKey, marker rookery.Outcome) {
	key.ReceivedAt = b.requestKeys.latestUptime()
	for _, earlier := range b.newKeys {
		key.ReceivedAt = max(key.ReceivedAt, earlier.key.ReceivedAt)
	}
	b.newKeys = append(b.newKeys, storedKey{key, marker})
}

// loadState reads the in-memory state when the store is opened: journal, number floor, uptime and
// request keys.
func (w *writer) loadState(isNew bool) error {
	if err := w.loadJournal(); err != nil {
		return err
	}
	if err := w.loadNumberFloor(isNew); err != nil {
		return err
	}
	clear(w.newestNumbers) // loadJournal ran before the floor was known
	for name, into := range map[string]*time.Duration{
		"uptime": &w.requestKeys.uptime, "forgotten": &w.requestKeys.forgottenBefore,
	} {
		_, err := w.conn.queryFirst(
			"SELECT value FROM meta WHERE name = ?", func(row resultRow) { *into = time.Duration(row.int(0)) }, name,
		)
		if err != nil {
			return err
		}
	}
	w.requestKeys.recordUptime(0, 0)
	var damaged error
	err := w.conn.queryRows("SELECT marks FROM marks ORDER BY id", func(row resultRow) bool {
		var list []storedKey
		list, damaged = parseKeyRow(row.blob(0))
		w.requestKeys.addKeys(list)
		return damaged == nil
	})
	return errors.Join(err, damaged)
}

// A row of the table marks is the byte keyRowVersion and, for each key: account, outcome (uvarints),
// time (a varint, nanoseconds of uptime), digest (16 bytes), device name (its length in bytes, a
// uvarint, and the bytes). The markers markerDeviceForgotten and markerAccountRemoved are stored as
// outcomes, with a zero digest.
const keyRowVersion = 1

func appendKeyRow(blob []byte, list []storedKey) []byte {
	blob = append(blob, keyRowVersion)
	for _, stored := range list {
		blob = binary.AppendUvarint(blob, uint64(stored.key.Owner))
		blob = binary.AppendUvarint(blob, uint64(stored.outcome))
		blob = binary.AppendVarint(blob, int64(stored.key.ReceivedAt))
		blob = append(blob, stored.key.Digest[:]...)
		blob = binary.AppendUvarint(blob, uint64(len(stored.key.Device)))
		blob = append(blob, stored.key.Device...)
	}
	return blob
}

func parseKeyRow(blob []byte) ([]storedKey, error) {
	var list []storedKey
	p := blobReader{remaining: blob}
	if v := p.readByte(); v != keyRowVersion {
		return nil, errors.New("the request keys have a row of an unknown version")
	}
	for len(p.remaining) > 0 {
		stored := storedKey{key: rookery.RequestKey{Owner: rookery.UIN(p.readUvarint())}}
		stored.outcome = rookery.Outcome(p.readUvarint())
		stored.key.ReceivedAt = time.Duration(p.readVarint())
		copy(stored.key.Digest[:], p.readBytes(16))
		stored.key.Device = string(p.readBytes(p.readUvarint()))
		if p.damaged {
			return nil, errors.New("the request keys have a damaged row")
		}
		list = append(list, stored)
	}
	return list, nil
}

// latestKeyTime returns the latest time of a list that is not empty.
func latestKeyTime(list []storedKey) time.Duration {
	at := list[0].key.ReceivedAt
	for _, stored := range list {
		at = max(at, stored.key.ReceivedAt)
	}
	return at
}

// Uptime implements service.Store.
func (s *Store) Uptime(context.Context) (time.Duration, error) {
	select {
	case <-s.closed:
		return 0, errClosed
	default:
		return s.requestKeys.latestUptime(), nil
	}
}

// RecordUptime implements service.Store. Request keys are rows of table marks, one for each write
// batch. A row is deleted when its newest key is older than forgetBefore.
func (s *Store) RecordUptime(ctx context.Context, uptime, forgetBefore time.Duration) error {
	return s.submitWrite(ctx, writeRequest{apply: func(batch *writeBatch) error {
		// Request keys carry uptimes too. Their rows are deleted below, and the stored uptime must
		// never go back, so it is raised to the latest of them.
		for name, value := range map[string]time.Duration{
			"uptime": max(uptime, batch.requestKeys.latestUptime()), "forgotten": forgetBefore,
		} {
			if _, err := batch.conn.execute(
				"UPDATE meta SET value = max(value, ?) WHERE name = ?", value, name,
			); err != nil {
				return err
			}
		}
		_, err := batch.conn.execute(`DELETE FROM marks WHERE id < coalesce(
			(SELECT id FROM marks WHERE newest >= ? ORDER BY id LIMIT 1), (SELECT max(id) + 1 FROM marks))`, forgetBefore)
		batch.afterCommit = append(batch.afterCommit, func() { batch.requestKeys.recordUptime(uptime, forgetBefore) })
		return err
	}})
}
