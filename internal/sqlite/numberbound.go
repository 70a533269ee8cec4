package sqlite

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/disk"
)

// A number of a mailbox is never given out twice, even if the database goes back
// to an earlier state: a backup is restored, or the end of its log is lost. If it
// were, clients would take a new message for one that they have seen.
//
// For that, a small file beside the database holds an upper bound of all numbers.
// It is moved up by a block, and synced, before a commit gives out a number above
// it. The file and the table meta also hold the random id of the run that gave
// out the latest number and, once that run was stopped in good order, the count
// of its commits. A run is one opening of the store; it begins with its first
// number, so that whoever only reads writes nothing. When the store is opened,
//
//   - both agree and the run was stopped: nothing was lost, and every mailbox
//     continues without a gap;
//   - the run was not stopped: the log may have lost its end. Every mailbox
//     continues above the bound;
//   - else the database or the file is of another time, or the file is missing:
//     every mailbox continues above its latest number, the bound, and the seconds
//     since 2020. Old clients take numbers up to 2^31 only, and these fit until
//     2087. Where the bound is lost, the clock is enough unless a mailbox gets more
//     than one message a second for years, or a server is killed more often than
//     once an hour: each time it uses up a block.
//
// What this cannot tell: that both were restored from a copy of the whole
// directory. The file must be removed then.
type numberBound struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	// The rest belongs to the writer's goroutine.

	savedFile numberFile // what the file holds
	// floor is what every mailbox continues above. It does not change while the
	// store is open.
	floor uint64
	// begun: the run that saved names is this one. stored: meta names it too.
	runStarted, runRecorded bool
	commitCount             uint64 // of this run
}

// numberFile is what the file holds.
type numberFile struct {
	numberRun
	bound uint64 // no number that was given out is higher
}

// numberRun is the latest run that gave out a number. commits is 0 as long as it was
// not stopped in good order.
type numberRun struct{ runID, commits uint64 }

// numbersPerBlock is by how many numbers the bound is moved up: the file is written
// once for so many messages to one mailbox. Each run that is killed uses up as
// many at most.
const numbersPerBlock = 4096

// numberFilePath is where the file is that belongs to a database, rookery.numbers
// beside rookery.db.
func numberFilePath(database string) string {
	return strings.TrimSuffix(database, filepath.Ext(database)) + ".numbers"
}

// loadNumberFloor decides what the mailboxes continue above. A store that was just
// made begins with 1, unless there is a file of an earlier one.
func (w *writer) loadNumberFloor(made bool) error {
	numberBound := w.numberBound
	inStore, floor, err := w.conn.loadLatestRun()
	if err != nil {
		return err
	}
	file, err := readNumberFile(numberBound.path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && made:
		first := numberRun{runID: randomRunID(), commits: 1}
		if err := w.runTransaction(func(batch *writeBatch) error { return batch.conn.saveRun(first, 0) }); err != nil {
			return err
		}
		return numberBound.saveFile(numberFile{numberRun: first})
	case errors.Is(err, errNumberFileDamaged):
		numberBound.log.Warn("the file of the numbers is damaged, and will be written anew", "file", numberBound.path)
	case err != nil && !missing:
		return disk.ExplainError(err)
	}
	numberBound.savedFile, numberBound.floor = file, floor
	switch {
	case err == nil && file.numberRun == inStore && file.commits > 0:
	case err == nil && file.runID == inStore.runID && file.commits == 0:
		numberBound.floor = max(floor, file.bound)
		numberBound.log.Info("the store was not stopped in good order: the numbers of messages continue behind a gap", "above", numberBound.floor)
	default:
		numberBound.floor = max(floor, file.bound, secondsSince2020(numberBound.now()))
		numberBound.log.Warn("the store and the file of its numbers do not belong together, as after a restore: "+
			"the numbers of messages continue behind a gap", "file", numberBound.path, "above", numberBound.floor)
	}
	return nil
}

// secondsSince2020 is kept below 2^31, with room for numbers above it, whatever
// the clock says.
func secondsSince2020(now time.Time) uint64 {
	const most = 1<<31 - 1<<24
	seconds := now.Unix() - time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return uint64(min(max(seconds, 0), most))
}

// loadLatestRun reads what meta says.
func (c *dbConn) loadLatestRun() (r numberRun, floor uint64, err error) {
	for name, into := range map[string]*uint64{"run": &r.runID, "commits": &r.commits, "floor": &floor} {
		use := func(row resultRow) { *into = uint64(row.int(0)) }
		if _, err := c.queryFirst("SELECT value FROM meta WHERE name = ?", use, name); err != nil {
			return numberRun{}, 0, err
		}
	}
	return r, floor, nil
}

// saveRun writes into meta which run has given out numbers.
func (c *dbConn) saveRun(r numberRun, floor uint64) error {
	for name, value := range map[string]uint64{"run": r.runID, "commits": r.commits, "floor": floor} {
		if _, err := c.execute("UPDATE meta SET value = ? WHERE name = ?", value, name); err != nil {
			return err
		}
	}
	return nil
}

// reserveNumbers makes sure, before the batch is committed, that no number in it
// can be given out again. The first batch of a run that has letters says in meta
// that the run has begun.
func (b *writeBatch) reserveNumbers() error {
	numberBound := b.numberBound
	if err := numberBound.raiseBound(b.highestNumber); err != nil {
		return err
	}
	if numberBound.runRecorded {
		return nil
	}
	b.afterCommit = append(b.afterCommit, func() { numberBound.runRecorded = true })
	return b.conn.saveRun(numberBound.savedFile.numberRun, numberBound.floor)
}

// diskReserve makes the file's bound at least the highest number, and begins the run.
func (n *numberBound) raiseBound(highest uint64) error {
	if n.runStarted && highest <= n.savedFile.bound {
		return nil
	}
	next := n.savedFile
	if !n.runStarted {
		next.numberRun = numberRun{runID: randomRunID()}
	}
	if highest > next.bound {
		next.bound = max(highest, n.savedFile.bound+numbersPerBlock)
	}
	if err := n.saveFile(next); err != nil {
		return fmt.Errorf("cannot reserve numbers for messages: %w", disk.ExplainError(err))
	}
	n.runStarted = true
	return nil
}

// recordCleanStop says in meta and then in the file that the run was stopped in good order.
// Everything that it has given out is committed.
func (w *writer) recordCleanStop() error {
	numberBound := w.numberBound
	if !numberBound.runStarted {
		return nil
	}
	stopped := numberBound.savedFile
	stopped.commits = numberBound.commitCount + 1 // this one too
	if err := w.runTransaction(func(batch *writeBatch) error { return batch.conn.saveRun(stopped.numberRun, numberBound.floor) }); err != nil {
		return err
	}
	return numberBound.saveFile(stopped)
}

// randomRunID is one that no other run has; meta holds signed integers.
func randomRunID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])>>1 | 1
}

// The file is one line of a fixed length, below what a disk writes whole. So it
// is written in place: that needs no room on a full disk.
const numberFileLayout = "rookery numbers 1 run %016x commits %016x bound %016x"

var (
	numberFileLength     = len(numberFile{}.encodeLine())
	errNumberFileDamaged = errors.New("the file of the numbers is damaged")
)

func (f numberFile) encodeLine() string {
	text := fmt.Sprintf(numberFileLayout, f.runID, f.commits, f.bound)
	return fmt.Sprintf("%s sum %08x\n", text, crc32.ChecksumIEEE([]byte(text)))
}

func readNumberFile(path string) (f numberFile, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	line := string(text[:min(len(text), numberFileLength)])
	if _, err := fmt.Sscanf(line, numberFileLayout, &f.runID, &f.commits, &f.bound); err != nil || f.encodeLine() != line {
		return numberFile{}, errNumberFileDamaged
	}
	return f, nil
}

// saveFile writes the file and syncs it.
func (n *numberBound) saveFile(f numberFile) error {
	file, err := os.OpenFile(n.path, os.O_WRONLY, 0)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		file, err = os.OpenFile(n.path, os.O_WRONLY|os.O_CREATE, 0o600)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(f.encodeLine()), 0)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil && made {
		err = syncDirectory(filepath.Dir(n.path))
	}
	if err == nil {
		n.savedFile = f
	}
	return err
}

func syncDirectory(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
