package service

import (
	"context"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

// Store stores everything that must not be lost. Package storetest checks an implementation against each
// sentence of these comments.
//
// Each method that changes something is one transaction. When it returns nil, the change is durable.
// When it returns a rookery.Error, nothing has changed and nothing of the change may appear later.
// CodeTemporary means that the store cannot do it now, for example because the disk is full or the
// store is closed. Changes become visible before the method returns. A caller that sees a changed
// Relation also finds the key of that change with RequestOutcome.
//
// "Records the key" means that the request key is stored together with the change, with OutcomeDone
// unless stated otherwise. If an equal key is recorded already, the method changes nothing and returns
// the recorded outcome.
//
// All methods may be called concurrently. The store copies its arguments and results and shares no
// memory with the caller.
type Store interface {
	accountStore
	friendStore
	mailboxStore
	sessionStore
	maintenanceStore
}

type accountStore interface {
	// CreateAccount stores a new account and returns its number: account.UIN, or if that is 0 the
	// lowest free number from rookery.FirstUIN on. It returns CodeExists if the number is taken.
	CreateAccount(ctx context.Context, account rookery.Account, credential rookery.Credential) (rookery.UIN, error)
	// Account returns an account, or CodeNoAccount if there is none. The account rookery.System always
	// exists.
	Account(ctx context.Context, uin rookery.UIN) (rookery.Account, error)
	// Accounts returns those of the given accounts that exist, by number.
	Accounts(ctx context.Context, uins []rookery.UIN) ([]rookery.Account, error)
	// AccountsAfter returns at most limit accounts with numbers above after, by number.
	AccountsAfter(ctx context.Context, after rookery.UIN, limit int) ([]rookery.Account, error)
	// UpdateAccount replaces an account, except for its Created, if its revision is still
	// account.Revision. It increments the revision and records the key. It returns CodeConflict if the
	// revision differs, or CodeNoAccount.
	UpdateAccount(ctx context.Context, account rookery.Account, requestKey rookery.RequestKey) (rookery.Receipt, error)
	// Credential returns an account's credential, or CodeNoAccount.
	Credential(ctx context.Context, uin rookery.UIN) (rookery.Credential, error)
	// SetCredential replaces an account's credential and ends all its sessions. It returns
	// CodeNoAccount if there is no such account.
	SetCredential(ctx context.Context, uin rookery.UIN, credential rookery.Credential) error
	// RemoveAccount deletes an account with its sessions, devices, friendships, friend requests and
	// blocks in both directions, mailbox, cursors, read marks, known addresses and recorded request
	// keys. Entries that others have received from it stay. If the account is created again, it
	// inherits nothing, and the numbers of its entries and devices continue above the earlier ones. It
	// returns CodeNoAccount if there is no such account.
	RemoveAccount(ctx context.Context, uin rookery.UIN) error
}

type friendStore interface {
	// Friends returns the friends of an account, by number.
	Friends(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error)
	// Relation returns the relation of two accounts, as the first one sees it.
	Relation(ctx context.Context, ownUIN, otherUIN rookery.UIN) (rookery.Relation, error)
	// FriendRequests returns at most limit unanswered friend requests to an account, from accounts
	// above after, by number.
	FriendRequests(ctx context.Context, uin, after rookery.UIN, limit int) ([]rookery.FriendRequest, error)
	// BlockedAccounts returns the accounts that an account blocks, by number.
	BlockedAccounts(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error)
	// BlockingAccounts returns the accounts that block an account, by number.
	BlockingAccounts(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error)
	// ChangeRelation applies change.Transition to the relation of two accounts. Both sides get the new
	// relation, an open friend request gets the text of the transition, and the other account gets its
	// notice, unless the transition's pause holds it back. The key is recorded with the outcome of the
	// transition, even if the relation stays the same.
	//
	// It returns CodeConflict if the relation is no longer change.From, CodeNoAccount if one of the
	// accounts does not exist, and CodeRefused if the notice would exceed its limit.
	ChangeRelation(ctx context.Context, change rookery.RelationChange) (rookery.Receipt, error)
}

type mailboxStore interface {
	// Deliver appends entries to their mailboxes, all or none, and records the key. It returns
	// CodeNoAccount if a receiver does not exist, and CodeRefused if an entry would exceed its limit.
	// The limit applies to the entries above the highest cursor of the account's consumers. Entries
	// without a limit count as well.
	//
	// The numbers of a mailbox only grow, in the order in which the entries become visible. No number
	// is used twice, even if the store is opened on an earlier state of its files. There are gaps only
	// where the store was opened or the account was created again. The difference of two numbers is
	// therefore not a count.
	Deliver(ctx context.Context, entries []rookery.NewEntry, now time.Time,
		requestKey rookery.RequestKey) (rookery.Receipt, error)
	// DeliverInOrder delivers several deliveries as if Deliver were called for each in order. Each
	// succeeds or fails by itself, and no other operation appends an entry between two of their entries
	// in a mailbox. The results are returned when all are durable.
	DeliverInOrder(ctx context.Context, deliveries []rookery.Delivery, now time.Time) []rookery.DeliveryResult
	// RequestOutcome returns the recorded outcome of a request with an equal key, and whether there is
	// one. The key is found within its window only, and a LatestOnly key only if it is the latest of
	// its owner and device.
	RequestOutcome(ctx context.Context, requestKey rookery.RequestKey) (rookery.Outcome, bool, error)
	// RecordRequest records the key with an outcome and does nothing else.
	RecordRequest(ctx context.Context, requestKey rookery.RequestKey, outcome rookery.Outcome) (rookery.Receipt, error)
	// MailboxState returns the number of the newest entry of a mailbox, 0 if it is empty, and the
	// cursor of a consumer.
	MailboxState(ctx context.Context, uin rookery.UIN,
		deviceName string) (newest uint64, cursor rookery.Cursor, err error)
	// Entries returns at most limit entries with numbers above after and up to upTo, by number.
	Entries(ctx context.Context, uin rookery.UIN, after, upTo uint64, limit int) ([]rookery.Entry, error)
	// History returns the newest entries that match the query, by number, and whether there are older
	// ones. A text search may take long; it returns CodeTemporary if ctx ends.
	History(ctx context.Context, uin rookery.UIN,
		query rookery.HistoryQuery) (entries []rookery.Entry, hasOlder bool, err error)
	// ReadMark returns how far an account has read a conversation, 0 if it has no mark.
	ReadMark(ctx context.Context, uin, peer rookery.UIN) (uint64, error)
	// AdvanceReadMark moves a read mark forward, never back, and records the key. It reports whether
	// the mark has moved: of several writers of the same mark, one moves it. It returns CodeNoAccount if
	// uin does not exist.
	AdvanceReadMark(ctx context.Context, uin rookery.UIN, readMark rookery.ReadMark,
		requestKey rookery.RequestKey) (hasMoved bool, err error)
	// SaveCursor stores the cursor of a consumer if the number of the stored one is still was, and
	// otherwise returns CodeConflict. Only numbers are compared: of writers that do not move the number,
	// the last one's State stays. SaveCursor returns CodeNoAccount if there is no such account. If the
	// account has no such device, it stores nothing and returns nil.
	SaveCursor(ctx context.Context, uin rookery.UIN, deviceName string, was uint64, cursor rookery.Cursor) error
}

type sessionStore interface {
	// ForEachSession calls yield for every session, in no particular order, until yield returns false.
	ForEachSession(ctx context.Context, yield func(rookery.Session) bool) error
	// StartSession stores a session in place of the device's earlier one, or of the earlier address
	// session. The account's other sessions get its status, and its address becomes one of the 16
	// latest known addresses.
	//
	// A new device is created if necessary. Its number was never used for a device of this account. Its
	// cursor is the highest of all the account's consumers, including those of deleted devices, so
	// that it begins with the entries that no consumer has collected.
	//
	// It returns CodeNoAccount if there is no such account, CodeConflict if provedCredential is not its
	// credential any more, and CodeRefused if it has rookery.MaxDevices devices and this would be
	// another.
	StartSession(ctx context.Context, session rookery.Session, provedCredential rookery.Credential) error
	// SetSessionEncoding stores the Encoding of a session, if the session with that ID still exists.
	SetSessionEncoding(ctx context.Context, session rookery.Session) error
	// SetConfirmsByNumber stores the ConfirmsByNumber of a session, if the session with that ID still
	// exists.
	SetConfirmsByNumber(ctx context.Context, session rookery.Session) error
	// EndSessions deletes sessions. A session that is gone or has another ID is left alone.
	EndSessions(ctx context.Context, sessions []rookery.Session) error
	// SetStatus gives a status to all sessions of an account and records the key.
	SetStatus(ctx context.Context, uin rookery.UIN, status rookery.Status,
		requestKey rookery.RequestKey) (rookery.Receipt, error)
	// SetSessionsAsleep marks device sessions as asleep. A session that is gone or has another ID is
	// left alone.
	SetSessionsAsleep(ctx context.Context, sessions []rookery.Session) error
	// SleepingSession returns the account's sleeping session with the token, or CodeNotSignedIn.
	SleepingSession(ctx context.Context, uin rookery.UIN, token rookery.TokenHash) (rookery.Session, error)
	// WakeSession wakes a session and stores its new address. It returns CodeNotSignedIn if no such
	// session is asleep.
	WakeSession(ctx context.Context, session rookery.Session) error
	// Devices returns the devices of an account by ID.
	Devices(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error)
	// ForgetDevice deletes a device with its session and its cursor, and records the key. It returns
	// CodeParameter if there is no such device. Keys that the device has recorded do not apply to a
	// later device of the same name.
	ForgetDevice(ctx context.Context, uin rookery.UIN, deviceID uint64,
		requestKey rookery.RequestKey) (rookery.Receipt, error)
	// IsKnownAddress reports whether the account has signed in from the address's network, see
	// rookery.Network. The latest 16 are known.
	IsKnownAddress(ctx context.Context, uin rookery.UIN, address netip.Addr) (bool, error)
}

type maintenanceStore interface {
	// Uptime returns the highest uptime that the store has received, from RecordUptime or in a request
	// key: how long servers have run on this store.
	Uptime(ctx context.Context) (time.Duration, error)
	// RecordUptime stores the uptime and deletes request keys older than forgetBefore.
	RecordUptime(ctx context.Context, uptime, forgetBefore time.Duration) error
	// PurgeEntries deletes entries that are older than before. In each mailbox it begins with the
	// oldest and stops at the first entry that must stay. It deletes only entries that some consumer
	// has collected and that no consumer may ask for again (Cursor.RepeatFrom); if the account has had
	// devices, it also deletes uncollected copies of sent messages. The newest entry of a mailbox
	// always stays. A consumer that lags behind protects only the batch that it may ask for again, and
	// continues with the entries that are left.
	//
	// One call looks at some accounts above after and deletes at most limit entries. next is the
	// account to continue after, 0 at the end.
	PurgeEntries(ctx context.Context, after rookery.UIN, before time.Time,
		limit int) (next rookery.UIN, deleted int, err error)
	// CheckDiskSpace checks whether a full disk has space again. Until then, entries with a limit get
	// CodeTemporary, and the reserved space is for everything else. The check is cheap.
	CheckDiskSpace()
	// Close finishes accepted operations and closes the store. Later calls return CodeTemporary.
	Close() error
}
