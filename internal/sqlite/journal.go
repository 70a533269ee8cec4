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

// An entry that is written directly to its mailbox changes a database page of its own, and changed
// pages are most of the cost of a commit: about 25 us of CPU for each entry. So the entries of a commit
// become one row of the table journal and stay in memory, where readers find them. Once they take too
// much memory, they are flushed: each commit moves some of them to the mailboxes, account by account,
// several to a page.
// After a round through all accounts, the journal rows from before the round are deleted. When the
// store is opened after a crash, the journal is loaded into memory again, except for entries whose
// numbers show that they are in their mailboxes already.

// While a round goes on, each commit flushes minFlushEntries entries, or twice as many as it stores if
// that is more.
const minFlushEntries = 64

// numberedEntry is an entry with its number, and the account whose mailbox holds it.
type numberedEntry struct {
	account rookery.UIN
	entry   rookery.Entry
}

// mailboxSpan stands for the journaled entries of an account up to lastNumber.
type mailboxSpan struct {
	account    rookery.UIN
	lastNumber uint64
}

// journaledEntries holds the entries that are durable in the journal and not yet in their mailboxes.
type journaledEntries struct {
	flushAtBytes int // memory from which entries are flushed

	mu               sync.RWMutex                    // guards the fields below; only the writer changes them
	entriesByAccount map[rookery.UIN][]rookery.Entry // by number
	totalBytes       int
}

func newJournaledEntries(flushAtBytes int) *journaledEntries {
	return &journaledEntries{flushAtBytes: flushAtBytes, entriesByAccount: make(map[rookery.UIN][]rookery.Entry)}
}

// entryMemoryBytes estimates the memory of an entry.
func entryMemoryBytes(entry rookery.Entry) int {
	return 112 + len(entry.Text) + len(entry.OriginDevice)
}

// replaceFlushed removes the flushed entries and adds new ones.
func (r *journaledEntries) replaceFlushed(flushed []mailboxSpan, newEntries []numberedEntry) {
	if len(flushed)+len(newEntries) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, span := range flushed {
		mailbox := r.entriesByAccount[span.account]
		for len(mailbox) > 0 && mailbox[0].Number <= span.lastNumber {
			r.totalBytes -= entryMemoryBytes(mailbox[0])
			mailbox = mailbox[1:]
		}
		r.entriesByAccount[span.account] = mailbox
		if len(mailbox) == 0 {
			delete(r.entriesByAccount, span.account)
		}
	}
	for _, entry := range newEntries {
		r.entriesByAccount[entry.account] = append(r.entriesByAccount[entry.account], entry.entry)
		r.totalBytes += entryMemoryBytes(entry.entry)
	}
}

// newestNumber returns the number of the account's newest journaled entry, 0 if there is none.
func (r *journaledEntries) newestNumber(uin rookery.UIN) uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if mailbox := r.entriesByAccount[uin]; len(mailbox) > 0 {
		return mailbox[len(mailbox)-1].Number
	}
	return 0
}

// entriesBetween returns a copy of at most limit entries with after < number <= upTo, by number.
func (r *journaledEntries) entriesBetween(uin rookery.UIN, after, upTo uint64, limit int) []rookery.Entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	mailbox := r.entriesByAccount[uin]
	indexAbove := func(number uint64) int {
		i, found := slices.BinarySearchFunc(mailbox, number, compareEntryNumber)
		if found {
			i++
		}
		return i
	}
	from, to := indexAbove(after), indexAbove(upTo)
	if n := min(to-from, limit); n > 0 {
		return slices.Clone(mailbox[from : from+n])
	}
	return nil
}

func compareEntryNumber(entry rookery.Entry, number uint64) int {
	return cmp.Compare(entry.Number, number)
}

// allSpans returns a span for each account that has journaled entries, by account.
func (r *journaledEntries) allSpans() []mailboxSpan {
	r.mu.RLock()
	defer r.mu.RUnlock()
	spans := make([]mailboxSpan, 0, len(r.entriesByAccount))
	for uin, mailbox := range r.entriesByAccount {
		spans = append(spans, mailboxSpan{uin, mailbox[len(mailbox)-1].Number})
	}
	slices.SortFunc(spans, func(a, b mailboxSpan) int { return cmp.Compare(a.account, b.account) })
	return spans
}

func (r *journaledEntries) needsFlush() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.totalBytes >= r.flushAtBytes
}

// flushRound is one pass through the accounts that have journaled entries.
type flushRound struct {
	remainingSpans []mailboxSpan
	// lastJournalID is the latest journal row whose entries the round flushes.
	lastJournalID int64
}

// continueFlush continues the current round, or begins one if the journaled entries take too much
// memory.
func (b *writeBatch) continueFlush() error {
	if len(b.nextRound.remainingSpans) == 0 {
		if !b.journaled.needsFlush() {
			return nil
		}
		b.nextRound = flushRound{remainingSpans: b.journaled.allSpans(), lastJournalID: b.lastJournalID}
	}
	return b.flushSpans(max(minFlushEntries, 2*len(b.newEntries)))
}

// flushSpans flushes about count entries of the round. At the end of the round it deletes the flushed
// journal rows.
func (b *writeBatch) flushSpans(count int) error {
	for count > 0 && len(b.nextRound.remainingSpans) > 0 {
		next := b.nextRound.remainingSpans[0]
		n, upTo, err := b.flushAccount(next.account, count)
		if err != nil {
			return err
		}
		count -= n
		if n > 0 && upTo < next.lastNumber {
			return nil // the next call continues with this account
		}
		b.nextRound.remainingSpans = b.nextRound.remainingSpans[1:]
	}
	if len(b.nextRound.remainingSpans) > 0 {
		return nil
	}
	_, err := b.conn.execute("DELETE FROM journal WHERE id <= ?", b.nextRound.lastJournalID)
	return err
}

// flushAccount moves at most limit journaled entries of an account to its mailbox. It returns how many
// and the number of the last.
func (b *writeBatch) flushAccount(uin rookery.UIN, limit int) (n int, upTo uint64, err error) {
	newEntries := b.journaled.entriesBetween(uin, 0, 1<<63, limit)
	if len(newEntries) == 0 {
		return 0, 0, nil
	}
	remaining := newEntries
	for len(remaining) > 0 {
		n := 1
		if len(remaining) >= entriesPerInsert {
			n = entriesPerInsert
		}
		if err := b.insertEntries(uin, remaining[:n]...); err != nil {
			return 0, 0, err
		}
		remaining = remaining[n:]
	}
	upTo = newEntries[len(newEntries)-1].Number
	b.flushedSpans = append(b.flushedSpans, mailboxSpan{uin, upTo})
	return len(newEntries), upTo, nil
}

// entriesPerInsert is how many entries one INSERT statement stores if there are enough.
const entriesPerInsert = 16

const insertEntryStatement = "INSERT OR IGNORE INTO entries (account, number, kind, peer, time, text, origin) " +
	"VALUES (?, ?, ?, ?, ?, ?, ?)"

var insertEntriesStatement = insertEntryStatement + strings.Repeat(", (?, ?, ?, ?, ?, ?, ?)", entriesPerInsert-1)

// insertEntries stores either one entry or entriesPerInsert entries in a mailbox.
func (w *writer) insertEntries(uin rookery.UIN, newEntries ...rookery.Entry) error {
	query := insertEntryStatement
	if len(newEntries) == entriesPerInsert {
		query = insertEntriesStatement
	}
	args := make([]any, 0, 7*entriesPerInsert)
	for _, entry := range newEntries { // in the driver's types, because this runs for every entry
		args = append(
			args, int64(uin), int64(entry.Number), int64(entry.Kind), int64(entry.Peer), entry.Time.UnixMicro(),
			entry.Text, entry.OriginDevice,
		)
	}
	_, err := w.conn.execute(query, args...)
	return err
}

// flushAllAccounts moves all journaled entries to their mailboxes and empties the journal.
func (w *writer) flushAllAccounts() error {
	return w.runTransaction(func(batch *writeBatch) error {
		for _, span := range batch.journaled.allSpans() {
			if _, _, err := batch.flushAccount(span.account, math.MaxInt); err != nil {
				return err
			}
		}
		batch.nextRound = flushRound{}
		_, err := batch.conn.execute("DELETE FROM journal")
		return err
	})
}

// loadJournal reads the entries that a crash left in the journal into memory. It writes nothing, so
// that a store opens on a full disk.
func (w *writer) loadJournal() error {
	var journaled []numberedEntry
	var damaged error
	err := w.conn.queryRows("SELECT id, letters FROM journal ORDER BY id", func(row resultRow) bool {
		w.lastJournalID = row.int(0)
		journaled, damaged = parseJournalRow(journaled, row.blob(1))
		return damaged == nil
	})
	if err := cmp.Or(err, damaged); err != nil {
		return err
	}
	unflushed := journaled[:0]
	for _, entry := range journaled {
		exists, err := w.batch.loadNewestNumber(entry.account)
		if err != nil {
			return err
		}
		if exists && entry.entry.Number > w.newestNumbers[entry.account] {
			w.newestNumbers[entry.account] = entry.entry.Number
			unflushed = append(unflushed, entry)
		}
	}
	w.journaled.replaceFlushed(nil, unflushed)
	return nil
}

// A row of the journal is the byte journalRowVersion and, for each entry: account, number, kind, peer
// (uvarints), time (a varint, microseconds since 1970), text and origin device (each as its length in
// bytes, a uvarint, and the bytes). Rows of version 1 have no origin.
const journalRowVersion = 2

func appendJournalRow(blob []byte, newEntries []numberedEntry) []byte {
	blob = append(blob, journalRowVersion)
	for _, entry := range newEntries {
		blob = binary.AppendUvarint(blob, uint64(entry.account))
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

// parseJournalRow appends the entries of a journal row to newEntries.
func parseJournalRow(newEntries []numberedEntry, blob []byte) ([]numberedEntry, error) {
	p := blobReader{remaining: blob}
	version := p.readByte()
	if version < 1 || version > journalRowVersion {
		return newEntries, errors.New("the journal has a row of an unknown version")
	}
	for len(p.remaining) > 0 {
		entry := numberedEntry{account: rookery.UIN(p.readUvarint())}
		entry.entry.Number = p.readUvarint()
		entry.entry.Kind = rookery.Kind(p.readUvarint())
		entry.entry.Peer = rookery.UIN(p.readUvarint())
		entry.entry.Time = time.UnixMicro(p.readVarint()).UTC()
		entry.entry.Text = string(p.readBytes(p.readUvarint()))
		if version > 1 {
			entry.entry.OriginDevice = string(p.readBytes(p.readUvarint()))
		}
		if p.damaged {
			return newEntries, errors.New("the journal has a damaged row")
		}
		newEntries = append(newEntries, entry)
	}
	return newEntries, nil
}

// blobReader reads values from the front of a blob. damaged is set when a value does not fit.
type blobReader struct {
	remaining []byte
	damaged   bool
}

func (p *blobReader) readBytes(n uint64) []byte {
	if n > uint64(len(p.remaining)) {
		p.damaged, p.remaining = true, nil
		return nil
	}
	b := p.remaining[:n]
	p.remaining = p.remaining[n:]
	return b
}

func (p *blobReader) readByte() byte {
	if b := p.readBytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (p *blobReader) readUvarint() uint64 {
	v, n := binary.Uvarint(p.remaining)
	p.readBytes(uint64(n)) // n <= 0 means a malformed value
	p.damaged = p.damaged || n <= 0
	return v
}

func (p *blobReader) readVarint() int64 {
	v, n := binary.Varint(p.remaining)
	p.readBytes(uint64(n))
	p.damaged = p.damaged || n <= 0
	return v
}
