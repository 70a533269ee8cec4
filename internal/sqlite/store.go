// Package sqlite keeps what must not be lost in one SQLite database. It
// satisfies the contract that internal/service states for a store.
//
// One goroutine writes, see writer.go; a few connections of their own read.
// Freshly delivered letters are in a journal and in memory before they are
// moved to their mailboxes, see journal.go.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/disk"
)

// Config says where a store is and how it works.
type Config struct {
	// Path names the database file, rookery.db for example. Beside it are
	// rookery.numbers, see numbers.go, and while the store is open two more files,
	// PATH-wal and PATH-shm.
	Path string
	// MustExist: Open makes no store where there is none.
	MustExist bool
	// Log hears of what an operator should look into. Nil: slog.Default.
	Log *slog.Logger
	// Now is the clock. It is asked after a restore only. Nil: time.Now.
	Now func() time.Time
	// Synchronous is SQLite's pragma of that name: FULL if empty. With
	// anything less, what was acknowledged can be lost with the power.
	Synchronous string
	// ReserveBytes is how much room on the disk is kept for those who read, in bytes;
	// see reserve.go. 0: none, and one that is there is given back.
	ReserveBytes int64
	// MaxRequestKeys bounds the remembered requests; one takes about 80 bytes of
	// memory. While there are as many, requests with a mark are turned away
	// with CodeTemporary. 0: 4 million.
	MaxRequestKeys int
	// ReadConnections is the number of connections for reading. 0: 4.
	ReadConnections int

	// maxJournaledBytes is how much is remembered before settling begins, in bytes as
	// entryMemoryBytes counts them: see journal.go. Tests have a smaller one.
	maxJournaledBytes int
}

// Store is an open store. Its methods are described where they are asked for,
// at internal/service's Store.
type Store struct {
	writer      *writer
	readers     chan *dbConn
	readerCount int // of readers
	journaled   *journaledEntries
	requestKeys *requestKeys
	closed      chan struct{}
	isNew       bool
}

// IsNew reports whether Open has made the store, where there was none.
func (s *Store) IsNew() bool { return s.isNew }

// applicationID is what the first migration writes into the file's header.
const applicationID = 1383034731

const (
	// logPagesLimit: copying the log back into the database stalls the
	// writer, and a page written many times meanwhile is copied once. 64 MB.
	logPagesLimit = 16000
	pageBytes     = 4096
	// maxLogBytes is what the log is cut back to after it had to grow because
	// of a slow reader.
	maxLogBytes = 4 * logPagesLimit * pageBytes
)

// Open opens the store, making or migrating it first if it must, and starts
// its writer. It makes none where that would destroy a log: see Exists. The
// caller makes sure that no other process has it open.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	cfg.Path = path
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	cfg.Synchronous = cmp.Or(cfg.Synchronous, "FULL")
	cfg.MaxRequestKeys = cmp.Or(cfg.MaxRequestKeys, 4_000_000)
	cfg.ReadConnections = cmp.Or(cfg.ReadConnections, 4)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.maxJournaledBytes = cmp.Or(cfg.maxJournaledBytes, 4<<20)
	store, err := openOrCreate(ctx, cfg)
	if isDiskFull(err) && cfg.ReserveBytes > 0 && disk.HasReserved(ReservePath(path), cfg.ReserveBytes) {
		if err := disk.ReleaseSpace(ReservePath(path)); err != nil {
			return nil, err
		}
		store, err = openOrCreate(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, explainError(path, err))
	}
	return store, nil
}

func openOrCreate(ctx context.Context, cfg Config) (*Store, error) {
	exists, err := Exists(cfg.Path)
	switch {
	case err != nil:
		return nil, err
	case !exists && cfg.MustExist:
		return nil, errors.New("it does not exist")
	}
	makeFilesPrivate(cfg)
	if err := migrateSchema(ctx, cfg); err != nil {
		return nil, err
	}
	return openStore(cfg, !exists)
}

func openStore(cfg Config, made bool) (*Store, error) {
	c, err := openConnection(cfg.Path, "busy_timeout = 5000", "synchronous = "+cfg.Synchronous,
		"cache_size = -65536", "temp_store = MEMORY",
		fmt.Sprintf("wal_autocheckpoint = %d", autoCheckpointPages(cfg)),
		fmt.Sprintf("journal_size_limit = %d", maxLogBytes))
	if err != nil {
		return nil, err
	}
	store := &Store{
		journaled:   newJournaledEntries(cfg.maxJournaledBytes),
		requestKeys: newRequestKeys(cfg.MaxRequestKeys),
		readers:     make(chan *dbConn, cfg.ReadConnections),
		readerCount: cfg.ReadConnections,
		closed:      make(chan struct{}),
		isNew:       made,
	}
	store.writer = newWriter(c, store.journaled, store.requestKeys, cfg)
	if err := store.writer.loadState(made); err != nil {
		return nil, errors.Join(err, c.close())
	}
	for range cfg.ReadConnections {
		conn, err := openConnection(cfg.Path, "busy_timeout = 5000", "query_only = ON", "cache_size = -16384", "temp_store = MEMORY")
		if err != nil {
			return nil, errors.Join(err, store.closeReaders(len(store.readers)), c.close())
		}
		store.readers <- conn
	}
	go store.writer.run()
	return store, nil
}

// autoCheckpointPages is how long the log gets before it is written back: the reserve has
// room for that.
func autoCheckpointPages(cfg Config) int64 {
	if cfg.ReserveBytes > 0 {
		return min(logPagesLimit, max(cfg.ReserveBytes/pageBytes, 1))
	}
	return logPagesLimit
}

// Close ends the store once what it has accepted is done.
func (s *Store) Close() error {
	if !s.writer.close() {
		return nil // somebody else closes it
	}
	close(s.closed)
	err := s.closeReaders(s.readerCount)
	s.writeBackLog()
	return errors.Join(err, s.writer.conn.close())
}

func (s *Store) closeReaders(n int) error {
	var errs []error
	for range n {
		errs = append(errs, (<-s.readers).close())
	}
	return errors.Join(errs...)
}

var errClosed = rookery.Temporary(errors.New("the store is closed"))

// withReader lends a connection to f. What f returns is the machinery's failure.
func (s *Store) withReader(ctx context.Context, f func(*dbConn) error) error {
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	select {
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return rookery.Temporary(ctx.Err())
	case conn := <-s.readers:
		defer func() { s.readers <- conn }()
		if err := f(conn); err != nil {
			return rookery.Temporary(err)
		}
		return nil
	}
}

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrateSchema makes the schema what this version knows. It uses a connection of
// its own.
func migrateSchema(ctx context.Context, cfg Config) (err error) {
	if err := prepareDatabaseFile(cfg); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", fileURI(cfg.Path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	have, know, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > know {
		return fmt.Errorf("its schema has version %d, this program knows %d: use a newer rookery, or restore a backup from before the update", have, know)
	}
	_, err = provider.Up(ctx)
	return err
}

// prepareDatabaseFile makes the file a database with a write-ahead log, unless it is
// something else than a store.
func prepareDatabaseFile(cfg Config) (err error) {
	if err := checkFilesWritable(cfg.Path); err != nil {
		return disk.ExplainError(err)
	}
	conn, err := openConnection(cfg.Path, "busy_timeout = 5000", "page_size = 4096")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.close()) }()
	var id int64
	if _, err := conn.queryFirst("PRAGMA application_id", func(row resultRow) { id = row.int(0) }); err != nil {
		return err
	}
	full, err := conn.hasRow("SELECT 1 FROM sqlite_schema WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'")
	if err != nil {
		return err
	}
	if full && id != applicationID {
		return errors.New("this is the database of another program: choose another file")
	}
	_, err = conn.execute("PRAGMA journal_mode = WAL")
	return err
}
