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

// numberBound makes sure that no mailbox uses a number twice, even if the database goes back to an
// earlier state because a backup was restored or the end of its write-ahead log was lost. Otherwise
// clients would mistake a new message for one that they have seen.
//
// The numbers file, a small file beside the database, contains an upper bound of all numbers. Before a
// commit uses a number above the bound, the bound is raised by a block and the file is synced. The file
// and the table meta also contain the random id of the latest run and, after a clean stop, the count of
// its commits. A run begins with the first number that an open store uses, so a store that is only read
// writes nothing. When the store is opened, there are three cases:
//
//   - File and database agree, and the run was stopped cleanly. Nothing is lost, and every mailbox
//     continues without a gap.
//   - The run was not stopped cleanly, so the write-ahead log may have lost its end. Every mailbox
//     continues above the bound.
//   - Otherwise the database or the file is older than the other, or the file is missing. Every mailbox
//     continues above its latest number, the bound, and the seconds since 2020. Old clients accept
//     numbers below 2^31; the seconds fit until 2087. If the bound is lost, the clock is enough unless
//     a mailbox gets more than one message a second for years, or the server is killed more than once
//     an hour, which uses up a block each time.
//
// numberBound cannot detect that database and file were both restored from a copy of the whole
// directory. The operator must remove the file then.
type numberBound struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	// The fields below belong to the writer's goroutine.

	savedFile numberFile // the content of the file
	// Every mailbox continues above floor. It does not change while the store is open.
	floor       uint64
	runStarted  bool   // savedFile contains the id of this run
	runRecorded bool   // the table meta contains it too
	commitCount uint64 // commits of this run
}

// numberFile is the content of the file.
type numberFile struct {
	numberRun
	bound uint64 // no used number is higher
}

// numberRun identifies the latest run that used a number. commits is 0 until the run is stopped
// cleanly.
type numberRun struct{ runID, commits uint64 }

// numbersPerBlock is by how much the bound is raised, so that the file is written once for that many
// messages to one mailbox. A run that is killed wastes at most one block.
const numbersPerBlock = 4096

// numberFilePath returns the path of the file that belongs to a database: rookery.numbers beside
// rookery.db.
func numberFilePath(database string) string {
	return strings.TrimSuffix(database, filepath.Ext(database)) + ".numbers"
}

// loadNumberFloor decides above which number the mailboxes continue. A new store begins with 1, unless
// a file of an earlier store exists.
func (w *writer) loadNumberFloor(isNew bool) error {
	bound := w.numberBound
	inStore, floor, err := w.conn.loadLatestRun()
	if err != nil {
		return err
	}
	file, err := readNumberFile(bound.path)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && isNew:
		first := numberRun{runID: randomRunID(), commits: 1}
		if err := w.runTransaction(func(batch *writeBatch) error { return batch.conn.saveRun(first, 0) }); err != nil {
			return err
		}
		return bound.saveFile(numberFile{numberRun: first})
	case errors.Is(err, errNumberFileDamaged):
		bound.log.Warn("the numbers file is damaged and will be replaced", "file", bound.path)
	case err != nil && !missing:
		return disk.ExplainError(err)
	}
	bound.savedFile, bound.floor = file, floor
	switch {
	case err == nil && file.numberRun == inStore && file.commits > 0:
	case err == nil && file.runID == inStore.runID && file.commits == 0:
		bound.floor = max(floor, file.bound)
		bound.log.Info("the store was not stopped cleanly: message numbers continue after a gap",
			"above", bound.floor)
	default:
		bound.floor = max(floor, file.bound, secondsSince2020(bound.now()))
		bound.log.Warn("the store and its numbers file do not belong together, as after a restore: "+
			"message numbers continue after a gap", "file", bound.path, "above", bound.floor)
	}
	return nil
}

// secondsSince2020 returns a number below 2^31 that leaves room for higher numbers, whatever the clock
// says.
func secondsSince2020(now time.Time) uint64 {
	const limit = 1<<31 - 1<<24
	seconds := now.Unix() - time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	return uint64(min(max(seconds, 0), limit))
}

// loadLatestRun reads the latest run from the table meta.
func (c *dbConn) loadLatestRun() (r numberRun, floor uint64, err error) {
	for name, into := range map[string]*uint64{"run": &r.runID, "commits": &r.commits, "floor": &floor} {
		use := func(row resultRow) { *into = uint64(row.int(0)) }
		if _, err := c.queryFirst("SELECT value FROM meta WHERE name = ?", use, name); err != nil {
			return numberRun{}, 0, err
		}
	}
	return r, floor, nil
}

// saveRun stores the run in the table meta.
func (c *dbConn) saveRun(r numberRun, floor uint64) error {
	for name, value := range map[string]uint64{"run": r.runID, "commits": r.commits, "floor": floor} {
		if _, err := c.execute("UPDATE meta SET value = ? WHERE name = ?", value, name); err != nil {
			return err
		}
	}
	return nil
}

// reserveNumbers makes sure, before the commit, that no number of the batch can be used again.
// The first batch of a run that has entries also stores the run in the table meta.
func (b *writeBatch) reserveNumbers() error {
	bound := b.numberBound
	if err := bound.raiseBound(b.highestNumber); err != nil {
		return err
	}
	if bound.runRecorded {
		return nil
	}
	b.afterCommit = append(b.afterCommit, func() { bound.runRecorded = true })
	return b.conn.saveRun(bound.savedFile.numberRun, bound.floor)
}

// raiseBound makes the bound in the file at least highest, and begins the run.
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

// recordCleanStop records in the table meta, and then in the file, that the run was stopped cleanly.
// All numbers of the run are committed.
func (w *writer) recordCleanStop() error {
	bound := w.numberBound
	if !bound.runStarted {
		return nil
	}
	stopped := bound.savedFile
	stopped.commits = bound.commitCount + 1 // including the commit below
	if err := w.runTransaction(
		func(batch *writeBatch) error { return batch.conn.saveRun(stopped.numberRun, bound.floor) },
	); err != nil {
		return err
	}
	return bound.saveFile(stopped)
}

// randomRunID returns an id that fits the signed integers of the table meta and is not 0.
func randomRunID() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])>>1 | 1
}

// The file is one line of fixed length, less than a disk writes atomically. It is written in place,
// which needs no free space on a full disk.
const numberFileLayout = "rookery numbers 1 run %016x commits %016x bound %016x"

var (
	numberFileLength     = len(numberFile{}.encodeLine())
	errNumberFileDamaged = errors.New("the numbers file is damaged")
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
	if _, err := fmt.Sscanf(
		line, numberFileLayout, &f.runID, &f.commits, &f.bound,
	); err != nil || f.encodeLine() != line {
		return numberFile{}, errNumberFileDamaged
	}
	return f, nil
}

// saveFile writes and syncs the file.
func (n *numberBound) saveFile(f numberFile) error {
	file, err := os.OpenFile(n.path, os.O_WRONLY, 0)
	created := errors.Is(err, fs.ErrNotExist)
	if created {
		file, err = os.OpenFile(n.path, os.O_WRONLY|os.O_CREATE, 0o600)
	}
	if err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(f.encodeLine()), 0)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil && created {
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
