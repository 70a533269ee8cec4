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
	// KeepAliveInterval is how often a client should call at least.
	KeepAliveInterval = 60 * time.Second
	// SessionTimeout is how long a session lives without a request.
	SessionTimeout = 300 * time.Second
	// DefaultRetention is how long entries that were collected are kept.
	DefaultRetention = 30 * 24 * time.Hour
	// DefaultMailboxMessages and DefaultMailboxBytes are what may wait in one
	// mailbox.
	DefaultMailboxMessages = 10_000
	DefaultMailboxBytes    = 16 << 20

	uptimeSaveInterval = 5 * time.Second

	// Old entries are looked for all the time, a step each second, so that it
	// costs next to nothing however large the store is; purgeSteps are made
	// where there is much to delete. When all accounts were looked at, it
	// pauses.
	purgeInterval   = time.Hour
	purgeBatchSize  = 500 // entries in one transaction
	maxPurgeBatches = 20
)

// Config says what a Service works with. Store and Now must be given.
type Config struct {
	Store Store
	// Now is the one clock of the service.
	Now func() time.Time
	// AfterFunc calls a function once after some time of that clock, on a
	// goroutine of its own, unless stop is called before; time.AfterFunc if nil.
	AfterFunc func(delay time.Duration, work func()) (cancel func() bool)
	Log       *slog.Logger
	// PasswordCost is the cost of guessing a stolen password hash.
	PasswordCost PasswordCost
	// ConcurrentHashes is how many passwords are hashed at once, HashQueue how many more
	// may wait. Defaults: one for each processor, and 64.
	ConcurrentHashes, MaxQueuedHashes int
	// Retention is how long collected entries are kept, DefaultRetention if 0.
	Retention time.Duration
	// BacklogLimit is what may wait in one mailbox; of each field a default if 0.
	BacklogLimit rookery.BacklogLimit
	// MessagesPerMinute is how many messages and friend requests, and answers to these, an
	// account may send in a minute. 0: any number.
	MessagesPerMinute int
}

// Service is the messenger. Its methods may be called at the same time.
type Service struct {
	store             Store
	now               func() time.Time
	log               *slog.Logger
	retention         time.Duration
	backlogLimit      rookery.BacklogLimit // does not change
	messagesPerMinute int

	background       *backgroundTasks
	verifications    *callGroup[verificationKey]
	activeAccounts   *activeAccounts
	sweeps           sweepQueue
	accountCache     *accountCache
	passwordVerifier *passwordVerifier
	unsavedLogouts   unsavedLogouts
	loginLimiter     *loginLimiter

	// startedAt and before make the uptime: how long servers have been up on
	// this store, without the times in which none was.
	startedAt         time.Time
	uptimeBeforeStart time.Duration
	// lastTimedWrite is the uptime of the latest change whose age matters later.
	lastTimedWrite atomic.Int64

	// onlineSearches is held by the one search for people that looks at everybody who is
	// online.
	onlineSearches semaphore
	// textSearches is held by each search for a text.
	textSearches semaphore

	// stopVerifications ends with Run what requests have begun together.
	stopVerifications context.CancelFunc
}

// New makes a Service; Load it before use.
func New(config Config) (*Service, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.AfterFunc == nil {
		config.AfterFunc = func(delay time.Duration, work func()) func() bool { return time.AfterFunc(delay, work).Stop }
	}
	if config.Retention == 0 {
		config.Retention = DefaultRetention
	}
	config.BacklogLimit.Messages = cmp.Or(config.BacklogLimit.Messages, DefaultMailboxMessages)
	config.BacklogLimit.Bytes = cmp.Or(config.BacklogLimit.Bytes, DefaultMailboxBytes)
	if config.ConcurrentHashes == 0 {
		config.ConcurrentHashes = runtime.NumCPU()
	}
	if config.MaxQueuedHashes == 0 {
		config.MaxQueuedHashes = 64
	}
	prover, err := newPasswordVerifier(config.PasswordCost, config.ConcurrentHashes, config.MaxQueuedHashes)
	if err != nil {
		return nil, err
	}
	lifetime, stop := context.WithCancel(context.Background())
	background := &backgroundTasks{log: config.Log, afterFunc: config.AfterFunc}
	return &Service{
		store:             config.Store,
		now:               config.Now,
		log:               config.Log,
		retention:         config.Retention,
		backlogLimit:      config.BacklogLimit,
		messagesPerMinute: config.MessagesPerMinute,
		background:        background,
		activeAccounts:    newActiveAccounts(),
		accountCache:      newAccountCache(config.Store),
		passwordVerifier:  prover,
		loginLimiter:      newLoginLimiter(),
		startedAt:         config.Now(),
		verifications:     newCallGroup[verificationKey](lifetime, background),
		onlineSearches:    newSemaphore(1),
		textSearches:      newSemaphore(maxTextSearches),
		stopVerifications: stop,
	}, nil
}

// LoadSessions reads what the store knows of sessions. They count as seen now, and
// nobody is told of a change: for clients a restart is invisible.
func (s *Service) LoadSessions(ctx context.Context) error {
	before, err := s.store.Uptime(ctx)
	if err != nil {
		return err
	}
	s.uptimeBeforeStart, s.startedAt = before, s.now()
	s.noteTimedWrite() // what was remembered then may still be young
	return s.store.ForEachSession(ctx, func(stored rookery.Session) bool {
		if stored.Asleep {
			return true
		}
		account := s.activeAccount(stored.Account)
		account.addSession(newSession(account, stored, s.uptime()))
		return true
	})
}

// Now is the time of the service's clock.
func (s *Service) Now() time.Time { return s.now() }

// uptime is the clock of everything that has an age: it stands still while no
// server is up, and does not jump with the calendar's.
func (s *Service) uptime() time.Duration { return s.uptimeAt(s.now()) }

func (s *Service) uptimeAt(t time.Time) time.Duration {
	return s.uptimeBeforeStart + t.Sub(s.startedAt)
}

// Run does the housekeeping until ctx ends. Then it ends all that the service
// does by itself, waits for it, and stores what is not stored yet: nothing uses
// the store any more when Run returns, but for requests that callers still make.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var lastSaved time.Duration
	var progress purgeProgress
	for {
		select {
		case <-ctx.Done():
			s.shutDown(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
		}
		s.Tick(context.WithoutCancel(ctx))
		if uptime := s.uptime(); uptime-lastSaved >= uptimeSaveInterval {
			lastSaved = uptime
			s.saveUptime(ctx)
		}
		s.purgeOldEntries(ctx, &progress)
	}
}

// shutDown is the end of Run. Connections that are still there are closed: one whose
// client does not read would be waited for otherwise.
func (s *Service) shutDown(ctx context.Context) {
	s.background.refuseNew()
	s.stopVerifications()
	s.activeAccounts.forEach(func(account *activeAccount) {
		for _, consumer := range account.filterConsumers(anyConsumer) {
			if subscription := consumer.liveSubscription(); subscription != nil {
				_ = s.background.runRecovered(closeTask, func() error { subscription.disconnect(); return nil })
			}
		}
	})
	s.background.wait()
	s.saveAllConsumers(ctx)
	s.unsavedLogouts.retry(ctx, s)
	s.saveUptime(ctx)
}

// Tick does what time has made due: it ends sessions that were not heard of
// for SessionTimeout, and forgets members that are long gone. Run calls it every
// second; a test that moves the clock calls it then.
func (s *Service) Tick(ctx context.Context) {
	s.store.CheckDiskSpace()
	s.unsavedLogouts.retry(ctx, s)
	s.forEachAccount(s.sweeps.removeDue(s.uptime()), "end sessions that have run out", func(account *activeAccount) error { return s.sweepAccount(ctx, account) })
}

// forEachAccount does something that is written for many members, and waits for it.
// Those for whom it fails make one line in the log.
func (s *Service) forEachAccount(accounts []*activeAccount, what string, do func(*activeAccount) error) {
	var group errgroup.Group
	group.SetLimit(128) // enough to fill a commit of the store
	var failureCount atomic.Int64
	for _, account := range accounts {
		group.Go(func() error {
			err := s.background.runRecovered(what, func() error { return do(account) })
			if err != nil {
				failureCount.Add(1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.log.Warn("cannot "+what, "accounts", failureCount.Load(), "error", err)
	}
}

// saveUptime stores the uptime while marks or batches are young enough for their age
// to matter. An idle server writes nothing.
func (s *Service) saveUptime(ctx context.Context) {
	uptime := s.uptime()
	if uptime-time.Duration(s.lastTimedWrite.Load()) > longSEQWindow+2*uptimeSaveInterval {
		return
	}
	const task = "store how long the server has been up"
	if err := s.background.runRecovered(task, func() error { return s.store.RecordUptime(ctx, uptime, uptime-longSEQWindow) }); err != nil {
		s.log.Warn("cannot "+task, "error", err)
	}
}

// purgeProgress is how far the looking for old entries has come.
type purgeProgress struct {
	lastAccount  rookery.UIN
	resumeAt     time.Duration // not before this uptime
	deletedCount int
}

// purgeOldEntries deletes some of what was collected long ago.
func (s *Service) purgeOldEntries(ctx context.Context, progress *purgeProgress) {
	if s.uptime() < progress.resumeAt {
		return
	}
	for range maxPurgeBatches {
		var nextAccount rookery.UIN
		var n int
		const task = "delete old messages"
		err := s.background.runRecovered(task, func() (err error) {
			nextAccount, n, err = s.store.PurgeEntries(ctx, progress.lastAccount, s.now().Add(-s.retention), purgeBatchSize)
			return err
		})
		if err != nil {
			s.log.Warn("cannot "+task, "error", err)
			return
		}
		progress.lastAccount, progress.deletedCount = nextAccount, progress.deletedCount+n
		if nextAccount == 0 {
			if progress.deletedCount > 0 {
				s.log.Info("deleted messages that were collected long ago", "count", progress.deletedCount)
			}
			*progress = purgeProgress{resumeAt: s.uptime() + purgeInterval}
			return
		}
		if n < purgeBatchSize {
			return
		}
	}
}

// activeAccount returns the member of an account, making it if need be.
func (s *Service) activeAccount(uin rookery.UIN) *activeAccount {
	now := s.uptime()
	account, added := s.activeAccounts.getOrAdd(uin, now)
	if added {
		s.sweeps.schedule(account, now+lingerTime)
	}
	return account
}

// noteTimedWrite notes that something was stored whose age matters later.
func (s *Service) noteTimedWrite() { s.lastTimedWrite.Store(int64(s.uptime())) }
