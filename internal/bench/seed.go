package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/service"
)

// Store is what the bench needs of a server's store, before the server starts
// and after it has stopped. internal/service holds the contract.
type Store interface {
	CreateAccount(ctx context.Context, account rookery.Account, credential rookery.Credential) (rookery.UIN, error)
	ChangeRelation(ctx context.Context, change rookery.RelationChange) (rookery.Receipt, error)
	Deliver(ctx context.Context, letters []rookery.NewEntry, now time.Time, key rookery.RequestKey) (rookery.Receipt, error)
	MailboxState(ctx context.Context, uin rookery.UIN, device string) (last uint64, place rookery.Cursor, err error)
	Entries(ctx context.Context, uin rookery.UIN, after, upTo uint64, limit int) ([]rookery.Entry, error)
	SaveCursor(ctx context.Context, uin rookery.UIN, device string, place rookery.Cursor) error
	Credential(ctx context.Context, uin rookery.UIN) (rookery.Credential, error)
	StartSession(ctx context.Context, session rookery.Session, proved rookery.Credential) error
	Close() error
}

// Population says who lives in a store before it is measured.
type Population struct {
	Accounts int `json:"accounts"`
	// Active accounts, evenly spread among all, have friends and mail.
	Active int `json:"active"`
	// Friends is how many other active accounts each of them has as friends, an
	// even number.
	Friends int `json:"friends"`
	// Mailbox is how many collected messages lie in the mailbox of each.
	Mailbox int `json:"mailbox"`
}

func (p Population) validate(connections int) error {
	switch {
	case p.Active < connections*int(roles):
		return fmt.Errorf("%d connections need %d active accounts, not %d", connections, connections*int(roles), p.Active)
	case p.Accounts < p.Active:
		return fmt.Errorf("%d accounts cannot hold %d active ones", p.Accounts, p.Active)
	case p.Friends >= p.Active || p.Friends%2 != 0:
		return fmt.Errorf("each of %d active accounts cannot have %d of them as friends: an even number below is possible", p.Active, p.Friends)
	}
	return nil
}

func (p Population) crowd() accountRange {
	return accountRange{first: rookery.FirstUIN, stride: rookery.UIN(p.Accounts / p.Active)}
}

// seeding is a store that is being filled.
type seeding struct {
	Population
	store      Store
	credential rookery.Credential
	progress   io.Writer
	now        time.Time
}

func (s *seeding) run(ctx context.Context) error {
	accounts := s.crowd()
	err := s.each(ctx, "accounts", s.Accounts, many, func(ctx context.Context, i int) error {
		uin := rookery.FirstUIN + rookery.UIN(i)
		_, err := s.store.CreateAccount(ctx, rookery.NewAccount(uin, "Penguin "+uin.String(), s.now), s.credential)
		return err
	})
	if err != nil {
		return err
	}
	// Everybody befriends the next ones round a circle.
	half := s.Friends / 2
	err = s.each(ctx, "friendships", s.Active*half, many, func(ctx context.Context, i int) error {
		me := i / half
		_, err := s.store.ChangeRelation(ctx, rookery.RelationChange{
			Me: accounts.member(me), Other: accounts.member((me + 1 + i%half) % s.Active),
			Transition: rookery.RelationTransition{Result: rookery.Relation{Friends: true}}, Time: s.now,
		})
		return err
	})
	if err != nil || s.Mailbox == 0 {
		return err
	}
	return s.each(ctx, "mailboxes", s.Active, few, func(ctx context.Context, i int) error {
		return s.fill(ctx, accounts.member(i), accounts.member((i+1)%s.Active))
	})
}

// lettersAtOnce bounds one delivery of the seeding.
const lettersAtOnce = 1000

// fill gives an account its mail, all of it collected.
func (s *seeding) fill(ctx context.Context, uin, peer rookery.UIN) error {
	letter := rookery.NewEntry{To: uin, Kind: rookery.KindMessage, Peer: peer, Text: "fish is at the southern end of the ice, come before noon"}
	for left := s.Mailbox; left > 0; left -= lettersAtOnce {
		letters := make([]rookery.NewEntry, min(left, lettersAtOnce))
		for i := range letters {
			letters[i] = letter
		}
		if _, err := s.store.Deliver(ctx, letters, s.now, rookery.RequestKey{}); err != nil {
			return err
		}
	}
	return collectAll(ctx, s.store, uin)
}

// collectAll moves an account's place to the end of its mailbox.
func collectAll(ctx context.Context, store Store, uin rookery.UIN) error {
	last, place, err := store.MailboxState(ctx, uin, "")
	if err != nil || place.Number == last {
		return err
	}
	return store.SaveCursor(ctx, uin, "", rookery.Cursor{Number: last})
}

// How many writers share a commit of the store: many small ones, or a few that
// bring much each.
const (
	many = 256
	few  = 8
)

// each does something for all numbers below n, so many at once, and tells how
// far it has got.
func (s *seeding) each(ctx context.Context, what string, n, atOnce int, do func(ctx context.Context, i int) error) error {
	if n == 0 {
		return nil
	}
	var done atomic.Int64
	stop := report(s.progress, "seeding", what, &done, int64(n))
	defer stop()
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := 0; i < n && working.Err() == nil; i++ {
		group.Go(func() error {
			defer done.Add(1)
			return do(working, i)
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("seeding %s: %w", what, err)
	}
	return ctx.Err()
}

// report tells every few seconds how much of what is doing is done, until it is
// stopped.
func report(to io.Writer, doing, what string, done *atomic.Int64, of int64) (stop func()) {
	start := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	told := make(chan struct{})
	go func() {
		defer close(told)
		ticker := time.NewTicker(5 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(to, "%s: %d of %d %s\n", doing, done.Load(), of, what)
			case <-ctx.Done():
				fmt.Fprintf(to, "%s: %d %s in %v\n", doing, done.Load(), what, time.Since(start).Round(time.Millisecond))
				return
			}
		}
	}()
	return func() {
		cancel()
		<-told
	}
}

// seedName is the file in a seeded data directory that says what it was seeded
// with.
const seedName = "bench.json"

// seed fills a data directory, or finds it filled with the same population.
func (cfg *Config) seed(ctx context.Context, dir string, population Population) error {
	note := filepath.Join(dir, seedName)
	want, err := json.Marshal(population)
	if err != nil {
		return err
	}
	switch have, err := os.ReadFile(note); {
	case err == nil && string(have) == string(want):
		return nil
	case err == nil:
		return fmt.Errorf("%s was seeded with %s, not with %s: name another directory, or ask for the same", dir, have, want)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if found, err := os.ReadDir(dir); err == nil && len(found) > 0 {
		return fmt.Errorf("%s is not empty, and no bench has seeded it to the end: name another directory", dir)
	}
	if err := cfg.withStore(ctx, dir, func(store Store) error {
		return (&seeding{
			Population: population, store: store, progress: cfg.Progress, now: time.Now(),
			// One hash for all: a million would take a day.
			credential: service.HashProof(service.ProofOf(password), cmp.Or(cfg.cost, service.MinPasswordCost)),
		}).run(ctx)
	}); err != nil {
		return err
	}
	return os.WriteFile(note, want, 0o600)
}

// withStore opens the store of a data directory for as long as do takes.
func (cfg *Config) withStore(ctx context.Context, dir string, do func(Store) error) error {
	store, err := cfg.OpenStore(ctx, dir)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}
