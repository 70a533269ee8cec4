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
	"github.com/rookery-im/rookery/internal/auth"
)

// Store is the part of a server's store that the bench uses before the server starts and after it has stopped.
// internal/service defines the contract.
type Store interface {
	CreateAccount(ctx context.Context, account rookery.Account, credential rookery.Credential) (rookery.UIN, error)
	ChangeRelation(ctx context.Context, change rookery.RelationChange) (rookery.Receipt, error)
	Deliver(ctx context.Context, entries []rookery.NewEntry, now time.Time, key rookery.RequestKey) (rookery.Receipt,
		error)
	MailboxState(ctx context.Context, uin rookery.UIN, device string) (last uint64, cursor rookery.Cursor, err error)
	Entries(ctx context.Context, uin rookery.UIN, after, upTo uint64, limit int) ([]rookery.Entry, error)
	SaveCursor(ctx context.Context, uin rookery.UIN, device string, was uint64, cursor rookery.Cursor) error
	Credential(ctx context.Context, uin rookery.UIN) (rookery.Credential, error)
	StartSession(ctx context.Context, session rookery.Session, proved rookery.Credential) error
	Close() error
}

// Population describes the accounts in a store before the measurement.
type Population struct {
	Accounts int `json:"accounts"`
	// Active is the number of accounts with friends and messages. They are evenly spread among all accounts.
	Active int `json:"active"`
	// Friends is the number of friends of each active account. It must be even, and all friends are active.
	Friends int `json:"friends"`
	// Mailbox is the number of collected messages in each active account's mailbox.
	Mailbox int `json:"mailbox"`
}

func (pop Population) validate(connections int) error {
	switch {
	case pop.Active < connections*int(roleCount):
		return fmt.Errorf("%d connections need %d active accounts, not %d", connections, connections*int(roleCount),
			pop.Active)
	case pop.Accounts < pop.Active:
		return fmt.Errorf("%d accounts cannot hold %d active ones", pop.Accounts, pop.Active)
	case pop.Friends >= pop.Active || pop.Friends%2 != 0:
		return fmt.Errorf(
			"each of %d active accounts cannot have %d of them as friends: an even number below is possible",
			pop.Active, pop.Friends)
	}
	return nil
}

// activeAccounts returns the numbers of the active accounts.
func (pop Population) activeAccounts() accountRange {
	return accountRange{first: rookery.FirstUIN, stride: rookery.UIN(pop.Accounts / pop.Active)}
}

// storeSeeder fills a store with a population.
type storeSeeder struct {
	Population
	store      Store
	credential rookery.Credential
	progress   io.Writer
	now        time.Time
}

func (sd *storeSeeder) seedStore(ctx context.Context) error {
	accounts := sd.activeAccounts()
	err := sd.forEachIndex(ctx, "accounts", sd.Accounts, smallTaskWriters, func(ctx context.Context, i int) error {
		uin := rookery.FirstUIN + rookery.UIN(i)
		_, err := sd.store.CreateAccount(ctx, rookery.NewAccount(uin, "Penguin "+uin.String(), sd.now), sd.credential)
		return err
	})
	if err != nil {
		return err
	}
	// The active accounts form a ring. Each befriends its next sd.Friends/2 neighbours, and so becomes a friend of
	// the previous ones.
	half := sd.Friends / 2
	err = sd.forEachIndex(ctx, "friendships", sd.Active*half, smallTaskWriters, func(ctx context.Context, i int) error {
		me := i / half
		_, err := sd.store.ChangeRelation(ctx, rookery.RelationChange{
			Me: accounts.account(me), Other: accounts.account((me + 1 + i%half) % sd.Active),
			Transition: rookery.RelationTransition{Result: rookery.Relation{Friends: true}}, Time: sd.now,
		})
		return err
	})
	if err != nil || sd.Mailbox == 0 {
		return err
	}
	return sd.forEachIndex(ctx, "mailboxes", sd.Active, largeTaskWriters, func(ctx context.Context, i int) error {
		return sd.fillMailbox(ctx, accounts.account(i), accounts.account((i+1)%sd.Active))
	})
}

// entriesPerDelivery bounds one delivery while seeding.
const entriesPerDelivery = 1000

// fillMailbox delivers an account's messages and marks them as collected.
func (sd *storeSeeder) fillMailbox(ctx context.Context, uin, peer rookery.UIN) error {
	entry := rookery.NewEntry{To: uin, Kind: rookery.KindMessage, Peer: peer,
		Text: "fish is at the southern end of the ice, come before noon"}
	for left := sd.Mailbox; left > 0; left -= entriesPerDelivery {
		entries := make([]rookery.NewEntry, min(left, entriesPerDelivery))
		for i := range entries {
			entries[i] = entry
		}
		if _, err := sd.store.Deliver(ctx, entries, sd.now, rookery.RequestKey{}); err != nil {
			return err
		}
	}
	return moveCursorToEnd(ctx, sd.store, uin)
}

// moveCursorToEnd marks all messages of an account as collected by its address sessions.
func moveCursorToEnd(ctx context.Context, store Store, uin rookery.UIN) error {
	last, cursor, err := store.MailboxState(ctx, uin, "")
	if err != nil || cursor.Number == last {
		return err
	}
	return store.SaveCursor(ctx, uin, "", cursor.Number, rookery.Cursor{Number: last})
}

// Numbers of concurrent writers while seeding. Concurrent writers share commits of the store, so there are many
// for small tasks and few for large ones.
const (
	smallTaskWriters = 256
	largeTaskWriters = 8
)

// forEachIndex calls do for all indexes below count, with up to atOnce calls at a time. It reports the progress, with
// what naming the items.
func (sd *storeSeeder) forEachIndex(ctx context.Context, what string, count, atOnce int,
	do func(ctx context.Context, i int) error) error {
	if count == 0 {
		return nil
	}
	var done atomic.Int64
	stop := reportProgress(sd.progress, "seeding", what, &done, int64(count))
	defer stop()
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := 0; i < count && working.Err() == nil; i++ {
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

// reportProgress prints every five seconds how many of the total are done. stop ends this and prints the time taken.
func reportProgress(to io.Writer, doing, what string, done *atomic.Int64, total int64) (stop func()) {
	start := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		ticker := time.NewTicker(5 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(to, "%s: %d of %d %s\n", doing, done.Load(), total, what)
			case <-ctx.Done():
				fmt.Fprintf(to, "%s: %d %s in %v\n", doing, done.Load(), what,
					time.Since(start).Round(time.Millisecond))
				return
			}
		}
	}()
	return func() {
		cancel()
		<-reported
	}
}

// seedFileName is the file in a seeded data directory that records its population.
const seedFileName = "bench.json"

// seedDir seeds a data directory, unless it already holds the same population.
func (cfg *Config) seedDir(ctx context.Context, dir string, population Population) error {
	seedFile := filepath.Join(dir, seedFileName)
	wanted, err := json.Marshal(population)
	if err != nil {
		return err
	}
	switch recorded, err := os.ReadFile(seedFile); {
	case err == nil && string(recorded) == string(wanted):
		return nil
	case err == nil:
		return fmt.Errorf("%s was seeded with %s, not with %s: name another directory, or ask for the same", dir,
			recorded, wanted)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if found, err := os.ReadDir(dir); err == nil && len(found) > 0 {
		return fmt.Errorf("%s is not empty, and no bench has seeded it to the end: name another directory", dir)
	}
	if err := cfg.withOpenStore(ctx, dir, func(store Store) error {
		return (&storeSeeder{
			Population: population, store: store, progress: cfg.Progress, now: time.Now(),
			// All accounts share one hash, because a million hashes would take a day.
			credential: auth.HashProof(auth.ProofOf(seedPassword), cmp.Or(cfg.cost, auth.DefaultCost)),
		}).seedStore(ctx)
	}); err != nil {
		return err
	}
	return os.WriteFile(seedFile, wanted, 0o600)
}

// withOpenStore opens the store of a data directory, calls do with it, and closes it.
func (cfg *Config) withOpenStore(ctx context.Context, dir string, do func(Store) error) error {
	store, err := cfg.OpenStore(ctx, dir)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}
