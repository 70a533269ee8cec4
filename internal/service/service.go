package service

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/auth"
)

const (
	// KeepAliveInterval is how often a client should send a request at least.
	KeepAliveInterval = 60 * time.Second
	// SessionTimeout is how long a session lives without a request.
	SessionTimeout = 300 * time.Second
	// DefaultRetention is how long collected entries are kept.
	DefaultRetention = 30 * 24 * time.Hour
	// DefaultMailboxMessages limits the number of uncollected entries of one mailbox.
	DefaultMailboxMessages = 10_000
	// DefaultMailboxBytes limits the size of their texts.
	DefaultMailboxBytes = 16 << 20

	uptimeSaveInterval = 5 * time.Second

	// The service deletes old entries in small steps, one each second, so that the cost does not depend
	// on the size of the store. Where there is much to delete, it runs up to maxPurgeBatches
	// transactions per step. After a pass over all accounts it pauses for purgeInterval.
	purgeInterval   = time.Hour
	purgeBatchSize  = 500 // entries per transaction
	maxPurgeBatches = 20
)

// Config configures a Service. Store and Now are required.
type Config struct {
	Store Store
	// Now is the service's only clock.
	Now func() time.Time
	// AfterFunc calls work on its own goroutine after a delay of that clock, unless cancel is called
	// first. The default is time.AfterFunc.
	AfterFunc func(delay time.Duration, work func()) (cancel func() bool)
	Log       *slog.Logger
	// Passwords verifies passwords. The service closes it. The default is auth.New with the service's
	// clock and log.
	Passwords Passwords
	// Retention is how long collected entries are kept. 0 means DefaultRetention.
	Retention time.Duration
	// BacklogLimit limits the uncollected entries of one mailbox. A field that is 0 gets its default.
	BacklogLimit rookery.BacklogLimit
	// MessagesPerMinute limits the messages, friend requests and answers to friend requests that an
	// account may send in a minute. 0 means no limit.
	MessagesPerMinute int
}

// Passwords verifies passwords and limits guessing. *auth.Passwords implements it.
type Passwords interface {
	// Verify returns the credential that the attempt's secret matches. It returns CodePassword if there is
	// none or too many attempts were wrong, and CodeTemporary if too many attempts wait.
	Verify(ctx context.Context, attempt auth.Attempt) (auth.NamedCredential, error)
	// Hash returns the credential to be stored for a password.
	Hash(ctx context.Context, password string) (rookery.Credential, error)
	// Matches reports whether a password is right, without a limit.
	Matches(ctx context.Context, credentials []auth.NamedCredential, password string) (bool, error)
	// ClearFailures lets unknown addresses try an account again whose password has changed.
	ClearFailures(uin rookery.UIN)
	// RefuseNew makes all attempts fail with CodeTemporary that need a password hash.
	RefuseNew()
	// Close cancels the attempts in progress and waits for them.
	Close()
}

// Service implements the rules of the messenger. Its methods may be called concurrently.
type Service struct {
	store             Store
	now               func() time.Time
	log               *slog.Logger
	retention         time.Duration
	backlogLimit      rookery.BacklogLimit
	messagesPerMinute int

	background     *backgroundTasks
	sweeps         sweepQueue
	hub            hub
	passwords      Passwords
	unsavedLogouts unsavedLogouts

	// The uptime is uptimeBeforeStart plus the time since startedAt: how long servers have run on this
	// store, without the downtimes.
	startedAt         time.Time
	uptimeBeforeStart time.Duration
	// lastTimedWrite is the uptime, in nanoseconds, of the latest stored change that expires by uptime,
	// such as a request key.
	lastTimedWrite atomic.Int64

	// onlineSearches allows one search at a time to scan all active accounts.
	onlineSearches semaphore
	// textSearches limits concurrent searches for a text, which read whole mailboxes.
	textSearches semaphore
}

// New returns a Service. Call LoadSessions before any other method, and Close at the end.
func New(config Config) *Service {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.AfterFunc == nil {
		config.AfterFunc = func(delay time.Duration, work func()) func() bool {
			return time.AfterFunc(delay, work).Stop
		}
	}
	if config.Retention == 0 {
		config.Retention = DefaultRetention
	}
	config.BacklogLimit.Messages = cmp.Or(config.BacklogLimit.Messages, DefaultMailboxMessages)
	config.BacklogLimit.Bytes = cmp.Or(config.BacklogLimit.Bytes, DefaultMailboxBytes)
	if config.Passwords == nil {
		config.Passwords = auth.New(auth.Config{Now: config.Now, Log: config.Log})
	}
	return &Service{
		store:             config.Store,
		now:               config.Now,
		log:               config.Log,
		retention:         config.Retention,
		backlogLimit:      config.BacklogLimit,
		messagesPerMinute: config.MessagesPerMinute,
		background:        newBackgroundTasks(config),
		hub:               hub{newActiveAccounts(), newAccountCache(config.Store)},
		passwords:         config.Passwords,
		startedAt:         config.Now(),
		onlineSearches:    newSemaphore(1),
		textSearches:      newSemaphore(maxTextSearches),
	}
}

// LoadSessions reads the sessions from the store. Each counts as active now and friends are not
// notified, so that clients do not notice a restart.
func (s *Service) LoadSessions(ctx context.Context) error {
	before, err := s.store.Uptime(ctx)
	if err != nil {
		return err
	}
	s.uptimeBeforeStart, s.startedAt = before, s.now()
	s.noteTimedWrite() // request keys from before the restart may still be valid
	return s.store.ForEachSession(ctx, func(stored rookery.Session) bool {
		if stored.Asleep {
			return true
		}
		account := s.activeAccount(stored.Account)
		account.addSession(newSession(account, stored, s.uptime()))
		return true
	})
}

// Now returns the time of the service's clock.
func (s *Service) Now() time.Time { return s.now() }

// uptime is the clock for everything that expires. It stands still while no server runs and ignores the
// calendar.
func (s *Service) uptime() time.Duration { return s.uptimeAt(s.now()) }

func (s *Service) uptimeAt(t time.Time) time.Duration {
	return s.uptimeBeforeStart + t.Sub(s.startedAt)
}

// Run does the periodic work until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var lastSaved time.Duration
	var progress purgeProgress
	for {
		select {
		case <-ctx.Done():
			s.saveUptime(context.WithoutCancel(ctx))
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

// Close stops the background tasks, waits for them, and stores what was not stored yet. It also closes
// the live connections, because a client that does not read would delay the end. Call it after Run has
// returned. Afterwards only callers' own requests use the store.
func (s *Service) Close(ctx context.Context) {
	s.background.refuseNew()
	s.passwords.Close()
	s.hub.forEach(func(account *activeAccount) {
		for _, consumer := range account.filterConsumers(anyConsumer) {
			if subscription := consumer.liveSubscription(); subscription != nil {
				_ = s.background.runRecovered(closeTask, func() error { subscription.disconnect(); return nil })
			}
		}
	})
	s.background.wait()
	before := s.lastTimedWrite.Load()
	s.saveAllConsumers(ctx)
	s.unsavedLogouts.retry(ctx, s)
	if s.lastTimedWrite.Load() != before {
		s.saveUptime(ctx) // otherwise the next start would count from before what was just stored
	}
}

// Tick ends expired sessions and removes idle accounts from memory. Run calls it every second; a test
// that moves the clock calls it itself.
func (s *Service) Tick(ctx context.Context) {
	s.store.CheckDiskSpace()
	s.unsavedLogouts.retry(ctx, s)
	s.forEachAccount(s.sweeps.removeDue(s.uptime()), "end expired sessions",
		func(account *activeAccount) error { return s.sweepAccount(ctx, account) })
}

// forEachAccount calls do for many accounts concurrently and waits. All failures together produce
// one log line, "cannot " and the task.
func (s *Service) forEachAccount(accounts []*activeAccount, task string, do func(*activeAccount) error) {
	var group errgroup.Group
	group.SetLimit(128) // enough to fill one commit of the store
	var failureCount atomic.Int64
	for _, account := range accounts {
		group.Go(func() error {
			err := s.background.runRecovered(task, func() error { return do(account) })
			if err != nil {
				failureCount.Add(1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.log.Warn("cannot "+task, "accounts", failureCount.Load(), "error", err)
	}
}

// saveUptime stores the uptime as long as a recent write still depends on it. An idle server writes
// nothing.
func (s *Service) saveUptime(ctx context.Context) {
	uptime := s.uptime()
	if uptime-time.Duration(s.lastTimedWrite.Load()) > longSEQWindow+2*uptimeSaveInterval {
		return
	}
	const task = "store the uptime"
	err := s.background.runRecovered(task, func() error {
		return s.store.RecordUptime(ctx, uptime, uptime-longSEQWindow)
	})
	if err != nil {
		s.log.Warn("cannot "+task, "error", err)
	}
}

// purgeProgress records how far the deletion of old entries has come.
type purgeProgress struct {
	lastAccount  rookery.UIN
	resumeAt     time.Duration // uptime before which nothing is deleted
	deletedCount int
}

// purgeOldEntries deletes some of the collected entries that are older than the retention.
func (s *Service) purgeOldEntries(ctx context.Context, progress *purgeProgress) {
	if s.uptime() < progress.resumeAt {
		return
	}
	for range maxPurgeBatches {
		var nextAccount rookery.UIN
		var deleted int
		const task = "delete old messages"
		err := s.background.runRecovered(task, func() (err error) {
			nextAccount, deleted, err = s.store.PurgeEntries(ctx, progress.lastAccount, s.now().Add(-s.retention),
				purgeBatchSize)
			return err
		})
		if err != nil {
			s.log.Warn("cannot "+task, "error", err)
			return
		}
		progress.lastAccount, progress.deletedCount = nextAccount, progress.deletedCount+deleted
		if nextAccount == 0 {
			if progress.deletedCount > 0 {
				s.log.Info("deleted old messages", "count", progress.deletedCount)
			}
			*progress = purgeProgress{resumeAt: s.uptime() + purgeInterval}
			return
		}
		if deleted < purgeBatchSize {
			return
		}
	}
}

// activeAccount returns the active account and creates it if necessary.
func (s *Service) activeAccount(uin rookery.UIN) *activeAccount {
	now := s.uptime()
	account, added := s.hub.getOrAdd(uin, now)
	if added {
		s.sweeps.schedule(account, now+lingerTime)
	}
	return account
}

// noteTimedWrite records that something was stored whose age matters later; see saveUptime.
func (s *Service) noteTimedWrite() { s.lastTimedWrite.Store(int64(s.uptime())) }
