package sqlite

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rookery-im/rookery"
)

// A letter put straight into its mailbox changes a page of the database for
// itself, and pages are what a commit costs: some 25 us of CPU a letter. So the
// letters of a commit become one row of the journal, a few pages for all, and
// are remembered in memory, where readers find them. Once there are many they
// are settled: moved to the mailboxes, account after account, several letters
// to the page, a few with each commit. When a round through the accounts is
// over, the rows of the journal from before it are deleted. What a crash leaves
// in the journal is remembered when the store is opened again; letters that are in
// their mailbox already are recognised by their number.

// settleAtLeast is how many letters a commit settles while a round goes on; if
// it stores more itself, twice as many as those.
const settleAtLeast = 64

// numberedEntry is a letter that has its number in the mailbox.
type numberedEntry struct {
	to    rookery.UIN
	entry rookery.Entry
}

// mailboxSpan is an account's recent letters up to a number.
type mailboxSpan struct {
	account rookery.UIN
	upTo    uint64
}

// recentEntries holds the letters that are durable in the journal and not settled.
type recentEntries struct {
	max int // weight from which on letters are settled

	mu     sync.RWMutex                    // guards the rest; only the writer changes it
	boxes  map[rookery.UIN][]rookery.Entry // by number
	weight int
}

func newRecent(most int) *recentEntries {
	return &recentEntries{max: most, boxes: make(map[rookery.UIN][]rookery.Entry)}
}

func weigh(entry rookery.Entry) int { return 112 + len(entry.Text) + len(entry.OriginDevice) }

// replace forgets what is settled and remembers new letters.
func (r *recentEntries) replace(settled []mailboxSpan, letters []numberedEntry) {
	if len(settled)+len(letters) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, span := range settled {
		box := r.boxes[span.account]
		for len(box) > 0 && box[0].Number <= span.upTo {
			r.weight -= weigh(box[0])
			box = box[1:]
		}
		r.boxes[span.account] = box
		if len(box) == 0 {
			delete(r.boxes, span.account)
		}
	}
	for _, entry := range letters {
		r.boxes[entry.to] = append(r.boxes[entry.to], entry.entry)
		r.weight += weigh(entry.entry)
	}
}

// last returns the number of the newest recent letter, 0 if there is none.
func (r *recentEntries) last(uin rookery.UIN) uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if box := r.boxes[uin]; len(box) > 0 {
		return box[len(box)-1].Number
	}
	return 0
}

// entries returns a copy of at most limit recent letters with numbers above
// after and up to upTo.
func (r *recentEntries) entries(uin rookery.UIN, after, upTo uint64, limit int) []rookery.Entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	box := r.boxes[uin]
	above := func(number uint64) int {
		i, found := slices.BinarySearchFunc(box, number, byNumber)
		if found {
			i++
		}
		return i
	}
	from, to := above(after), above(upTo)
	if n := min(to-from, limit); n > 0 {
		return slices.Clone(box[from : from+n])
	}
	return nil
}

func byNumber(entry rookery.Entry, number uint64) int { return cmp.Compare(entry.Number, number) }

// stretches lists all that is recent, by account.
func (r *recentEntries) stretches() []mailboxSpan {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]mailboxSpan, 0, len(r.boxes))
	for uin, box := range r.boxes {
		all = append(all, mailboxSpan{uin, box[len(box)-1].Number})
	}
	slices.SortFunc(all, func(a, b mailboxSpan) int { return cmp.Compare(a.account, b.account) })
	return all
}

func (r *recentEntries) heavy() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.weight >= r.max
}

// writeRound is a walk through the accounts that have recent letters.
type writeRound struct {
	todo []mailboxSpan
	// journal is the id of the latest row that the round settles.
	journal int64
}

// settleSome goes on with the round, or begins one if it is time.
func (b *writeBatch) settleSome() error {
	if len(b.ahead.todo) == 0 {
		if !b.recent.heavy() {
			return nil
		}
		b.ahead = writeRound{todo: b.recent.stretches(), journal: b.journaled}
	}
	return b.settle(max(settleAtLeast, 2*len(b.letters)))
}

// settle goes on with the round for about so many letters.
func (b *writeBatch) settle(letters int) error {
	for letters > 0 && len(b.ahead.todo) > 0 {
		next := b.ahead.todo[0]
		n, upTo, err := b.settleAccount(next.account, letters)
		if err != nil {
			return err
		}
		letters -= n
		if n > 0 && upTo < next.upTo {
			return nil // more of this one the next time
		}
		b.ahead.todo = b.ahead.todo[1:]
	}
	if len(b.ahead.todo) > 0 {
		return nil
	}
	_, err := b.conn.exec("DELETE FROM journal WHERE id <= ?", b.ahead.journal)
	return err
}

// settleAccount moves at most limit recent letters of an account to its
// mailbox, and returns how many they were and the number of the last.
func (b *writeBatch) settleAccount(uin rookery.UIN, limit int) (n int, upTo uint64, err error) {
	letters := b.recent.entries(uin, 0, 1<<63, limit)
	if len(letters) == 0 {
		return 0, 0, nil
	}
	rest := letters
	for len(rest) > 0 {
		n := 1
		if len(rest) >= insertRows {
			n = insertRows
		}
		if err := b.insert(uin, rest[:n]...); err != nil {
			return 0, 0, err
		}
		rest = rest[n:]
	}
	upTo = letters[len(letters)-1].Number
	b.settled = append(b.settled, mailboxSpan{uin, upTo})
	return len(letters), upTo, nil
}

// insertRows is how many letters one statement takes where there are as many.
const insertRows = 16

const insertLetter = "INSERT OR IGNORE INTO entries (account, number, kind, peer, time, text, origin) VALUES (?, ?, ?, ?, ?, ?, ?)"

var insertLetters = insertLetter + strings.Repeat(", (?, ?, ?, ?, ?, ?, ?)", insertRows-1)

// insert puts letters into a mailbox, one or insertRows.
func (w *writer) insert(uin rookery.UIN, letters ...rookery.Entry) error {
	query := insertLetter
	if len(letters) == insertRows {
		query = insertLetters
	}
	args := make([]any, 0, 7*insertRows)
	for _, entry := range letters { // as the driver takes them: this runs for every letter
		args = append(args, int64(uin), int64(entry.Number), int64(entry.Kind), int64(entry.Peer), entry.Time.UnixMicro(), entry.Text, entry.OriginDevice)
	}
	_, err := w.conn.exec(query, args...)
	return err
}

// settleAll moves all recent letters and empties the journal.
func (w *writer) settleAll() error {
	return w.transact(func(batch *writeBatch) error {
		for _, all := range batch.recent.stretches() {
			if _, _, err := batch.settleAccount(all.account, math.MaxInt); err != nil {
				return err
			}
		}
		batch.ahead = writeRound{}
		_, err := batch.conn.exec("DELETE FROM journal")
		return err
	})
}

// replay remembers what a crash left in the journal. It writes nothing, so that a
// store can be opened on a full disk: the letters are settled in the next round.
func (w *writer) replay() error {
	var left []numberedEntry
	var damaged error
	err := w.conn.each("SELECT id, letters FROM journal ORDER BY id", func(r row) bool {
		w.journaled = r.int(0)
		left, damaged = parseLetters(left, r.blob(1))
		return damaged == nil
	})
	if err := cmp.Or(err, damaged); err != nil {
		return err
	}
	unsettled := left[:0]
	for _, entry := range left {
		exists, err := w.batch.exists(entry.to)
		if err != nil {
			return err
		}
		if exists && entry.entry.Number > w.heads[entry.to] {
			w.heads[entry.to] = entry.entry.Number
			unsettled = append(unsettled, entry)
		}
	}
	w.recent.replace(nil, unsettled)
	return nil
}

// A row of the journal is the byte lettersVersion and then, for each letter:
// the receiver, its number, the kind, the peer (all uvarints), the time
// (a varint, microseconds since 1970), the text and the device of its origin,
// each as its length in bytes (a uvarint) and itself. In a row of version 1,
// from before there were devices, no origin is written.
const lettersVersion = 2

func appendLetters(blob []byte, letters []numberedEntry) []byte {
	blob = append(blob, lettersVersion)
	for _, entry := range letters {
		blob = binary.AppendUvarint(blob, uint64(entry.to))
		blob = binary.AppendUvarint(blob, entry.entry.Number)
		blob = binary.AppendUvarint(blob, uint64(entry.entry.Kind))
		blob = binary.AppendUvarint(blob, uint64(entry.entry.Peer))
		blob = binary.AppendVarint(blob, entry.entry.Time.UnixMicro())
		blob = binary.AppendUvarint(blob, uint64(len(entry.entry.Text)))
		blob = append(blob, entry.entry.Text...)
		blob = binary.AppendUvarint(blob, uint64(len(entry.entry.OriginDevice)))
		blob = append(blob, entry.entry.OriginDevice...)
	}
	return blob
}

// parseLetters appends the letters of a row to letters.
func parseLetters(letters []numberedEntry, blob []byte) ([]numberedEntry, error) {
	p := journalReader{rest: blob}
	version := p.byte()
	if version < 1 || version > lettersVersion {
		return letters, errors.New("the journal has a row of an unknown version")
	}
	for len(p.rest) > 0 {
		entry := numberedEntry{to: rookery.UIN(p.uvarint())}
		entry.entry.Number = p.uvarint()
		entry.entry.Kind = rookery.Kind(p.uvarint())
		entry.entry.Peer = rookery.UIN(p.uvarint())
		entry.entry.Time = time.UnixMicro(p.varint()).UTC()
		entry.entry.Text = string(p.bytes(p.uvarint()))
		if version > 1 {
			entry.entry.OriginDevice = string(p.bytes(p.uvarint()))
		}
		if p.bad {
			return letters, errors.New("the journal has a damaged row")
		}
		letters = append(letters, entry)
	}
	return letters, nil
}

// journalReader takes values off the front of a blob; bad says that one did not fit.
type journalReader struct {
	rest []byte
	bad  bool
}

func (p *journalReader) bytes(n uint64) []byte {
	if n > uint64(len(p.rest)) {
		p.bad, p.rest = true, nil
		return nil
	}
	b := p.rest[:n]
	p.rest = p.rest[n:]
	return b
}

func (p *journalReader) byte() byte {
	if b := p.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (p *journalReader) uvarint() uint64 {
	v, n := binary.Uvarint(p.rest)
	p.bytes(uint64(n)) // a failure is 0 or negative
	p.bad = p.bad || n <= 0
	return v
}

func (p *journalReader) varint() int64 {
	v, n := binary.Varint(p.rest)
	p.bytes(uint64(n))
	p.bad = p.bad || n <= 0
	return v
}
