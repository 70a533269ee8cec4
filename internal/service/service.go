package service

import (
	"cmp"
	"context"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
)

const (
	// CallInterval is how often a client should call at least.
	CallInterval = 60 * time.Second
	// SessionLife is how long a session lives without a request.
	SessionLife = 300 * time.Second
	// DefaultRetention is how long entries that were collected are kept.
	DefaultRetention = 30 * 24 * time.Hour
	// DefaultMailboxMessages and DefaultMailboxBytes are what may wait in one
	// mailbox.
	DefaultMailboxMessages = 10_000
	DefaultMailboxBytes    = 16 << 20

	beatInterval = 5 * time.Second

	// Old entries are looked for all the time, a step each second, so that it
	// costs next to nothing however large the store is; purgeSteps are made
	// where there is much to delete. When all accounts were looked at, it
	// pauses.
	purgePause = time.Hour
	purgeStep  = 500 // entries in one transaction
	purgeSteps = 20
)

// Config says what a Service works with. Store and Now must be given.
type Config struct {
	Store Store
	// Now is the one clock of the service.
	Now func() time.Time
	// AfterFunc calls a function once after some time of that clock, on a
	// goroutine of its own, unless stop is called before; time.AfterFunc if nil.
	AfterFunc func(d time.Duration, f func()) (stop func() bool)
	Log       *slog.Logger
	// Passwords is the cost of guessing a stolen password hash.
	Passwords PasswordCost
	// Hashes is how many passwords are hashed at once, HashQueue how many more
	// may wait. Defaults: one for each processor, and 64.
	Hashes, HashQueue int
	// Retention is how long collected entries are kept, DefaultRetention if 0.
	Retention time.Duration
	// Mailbox is what may wait in one mailbox; of each field a default if 0.
	Mailbox rookery.BacklogLimit
	// PerMinute is how many messages and friend requests, and answers to these, an
	// account may send in a minute. 0: any number.
	PerMinute int
}

// Service is the messenger. Its methods may be called at the same time.
type Service struct {
	store     Store
	now       func() time.Time
	log       *slog.Logger
	retention time.Duration
	mailbox   rookery.BacklogLimit // does not change
	perMinute int

	background *background
	proving    *callGroup[verificationKey]
	members    *activeAccounts
	due        sweepQueue
	accounts   *accounts
	prover     *passwordVerifier
	signedOut  unsavedLogouts
	guard      *loginLimiter

	// started and before make the uptime: how long servers have been up on
	// this store, without the times in which none was.
	started time.Time
	before  time.Duration
	// active is the uptime of the latest change whose age matters later.
	active atomic.Int64

	// looking is held by the one search for people that looks at everybody who is
	// online.
	looking accountLock
	// searches is held by each search for a text.
	searches accountLock

	// stop ends with Run what requests have begun together.
	stop context.CancelFunc
}

// New makes a Service; Load it before use.
func New(config Config) (*Service, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.AfterFunc == nil {
		config.AfterFunc = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	if config.Retention == 0 {
		config.Retention = DefaultRetention
	}
	config.Mailbox.Messages = cmp.Or(config.Mailbox.Messages, DefaultMailboxMessages)
	config.Mailbox.Bytes = cmp.Or(config.Mailbox.Bytes, DefaultMailboxBytes)
	if config.Hashes == 0 {
		config.Hashes = runtime.NumCPU()
	}
	if config.HashQueue == 0 {
		config.HashQueue = 64
	}
	prover, err := newProver(config.Passwords, config.Hashes, config.HashQueue)
	if err != nil {
		return nil, err
	}
	lasting, stop := context.WithCancel(context.Background())
	background := &background{log: config.Log, afterFunc: config.AfterFunc}
	return &Service{
		store:      config.Store,
		now:        config.Now,
		log:        config.Log,
		retention:  config.Retention,
		mailbox:    config.Mailbox,
		perMinute:  config.PerMinute,
		background: background,
		members:    newMembers(),
		accounts:   newAccounts(config.Store),
		prover:     prover,
		guard:      newGuard(),
		started:    config.Now(),
		proving:    newShared[verificationKey](lasting, background),
		looking:    newTurn(1),
		searches:   newTurn(maxSearches),
		stop:       stop,
	}, nil
}

// Load reads what the store knows of sessions. They count as seen now, and
// nobody is told of a change: for clients a restart is invisible.
func (s *Service) Load(ctx context.Context) error {
	before, err := s.store.Uptime(ctx)
	if err != nil {
		return err
	}
	s.before, s.started = before, s.now()
	s.changed() // what was remembered then may still be young
	return s.store.ForEachSession(ctx, func(stored rookery.Session) bool {
		if stored.Asleep {
			return true
		}
		active := s.member(stored.Account)
		active.put(newSession(active, stored, s.uptime()))
		return true
	})
}

// Now is the time of the service's clock.
func (s *Service) Now() time.Time { return s.now() }

// uptime is the clock of everything that has an age: it stands still while no
// server is up, and does not jump with the calendar's.
func (s *Service) uptime() time.Duration { return s.uptimeAt(s.now()) }

func (s *Service) uptimeAt(t time.Time) time.Duration { return s.before + t.Sub(s.started) }

// Run does the housekeeping until ctx ends. Then it ends all that the service
// does by itself, waits for it, and stores what is not stored yet: nothing uses
// the store any more when Run returns, but for requests that callers still make.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var beaten time.Duration
	var purge purgeProgress
	for {
		select {
		case <-ctx.Done():
			s.finish(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
		}
		s.Tick(context.WithoutCancel(ctx))
		if up := s.uptime(); up-beaten >= beatInterval {
			beaten = up
			s.beat(ctx)
		}
		s.purge(ctx, &purge)
	}
}

// finish is the end of Run. Connections that are still there are closed: one whose
// client does not read would be waited for otherwise.
func (s *Service) finish(ctx context.Context) {
	s.background.end()
	s.stop()
	s.members.each(func(active *activeAccount) {
		for _, consumer := range active.boxes(everyBox) {
			if sub := consumer.liveFeed(); sub != nil {
				_ = s.background.attempt(closingTask, func() error { sub.hangUp(); return nil })
			}
		}
	})
	s.background.wait()
	s.rememberAll(ctx)
	s.signedOut.store(ctx, s)
	s.beat(ctx)
}

// Tick does what time has made due: it ends sessions that were not heard of
// for SessionLife, and forgets members that are long gone. Run calls it every
// second; a test that moves the clock calls it then.
func (s *Service) Tick(ctx context.Context) {
	s.store.CheckDiskSpace()
	s.signedOut.store(ctx, s)
	s.together(s.due.pop(s.uptime()), "end sessions that have run out", func(active *activeAccount) error { return s.visit(ctx, active) })
}

// together does something that is written for many members, and waits for it.
// Those for whom it fails make one line in the log.
func (s *Service) together(list []*activeAccount, what string, do func(*activeAccount) error) {
	var group errgroup.Group
	group.SetLimit(128) // enough to fill a commit of the store
	var failed atomic.Int64
	for _, active := range list {
		group.Go(func() error {
			err := s.background.attempt(what, func() error { return do(active) })
			if err != nil {
				failed.Add(1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.log.Warn("cannot "+what, "accounts", failed.Load(), "error", err)
	}
}

// beat stores the uptime while marks or batches are young enough for their age
// to matter. An idle server writes nothing.
func (s *Service) beat(ctx context.Context) {
	up := s.uptime()
	if up-time.Duration(s.active.Load()) > longWindow+2*beatInterval {
		return
	}
	const task = "store how long the server has been up"
	if err := s.background.attempt(task, func() error { return s.store.RecordUptime(ctx, up, up-longWindow) }); err != nil {
		s.log.Warn("cannot "+task, "error", err)
	}
}

// purgeProgress is how far the looking for old entries has come.
type purgeProgress struct {
	after   rookery.UIN
	next    time.Duration // not before this uptime
	deleted int
}

// purge deletes some of what was collected long ago.
func (s *Service) purge(ctx context.Context, p *purgeProgress) {
	if s.uptime() < p.next {
		return
	}
	for range purgeSteps {
		var next rookery.UIN
		var n int
		const task = "delete old messages"
		err := s.background.attempt(task, func() (err error) {
			next, n, err = s.store.PurgeEntries(ctx, p.after, s.now().Add(-s.retention), purgeStep)
			return err
		})
		if err != nil {
			s.log.Warn("cannot "+task, "error", err)
			return
		}
		p.after, p.deleted = next, p.deleted+n
		if next == 0 {
			if p.deleted > 0 {
				s.log.Info("deleted messages that were collected long ago", "count", p.deleted)
			}
			*p = purgeProgress{next: s.uptime() + purgePause}
			return
		}
		if n < purgeStep {
			return
		}
	}
}

// activeAccount returns the member of an account, making it if need be.
func (s *Service) member(uin rookery.UIN) *activeAccount {
	now := s.uptime()
	active, added := s.members.getOrAdd(uin, now)
	if added {
		s.due.push(active, now+lingering)
	}
	return active
}

// changed notes that something was stored whose age matters later.
func (s *Service) changed() { s.active.Store(int64(s.uptime())) }
