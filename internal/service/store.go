package service

import (
	"context"
	"net/netip"
	"time"

	"github.com/rookery-im/rookery"
)

// Store keeps what must not be lost. internal/storetest holds every sentence
// here against an implementation.
//
// A method that changes something is one whole operation. When it returns nil
// it is durable; when it returns a rookery.Error it has changed nothing. With
// CodeTemporary the store could not do it (a full disk, a closed store); no
// trace of it may show up later. Changes become visible before the call
// returns; who sees that a Relation has changed finds the mark of the change
// with Recall.
//
// All methods may be called at the same time. Numbers, times and lists are
// copies: the store keeps no reference to what it was given and gives none
// away.
type Store interface {
	accountStore
	friendStore
	mailboxStore
	sessionStore
	maintenanceStore
}

type accountStore interface {
	// CreateAccount stores a new account and returns its number: a.UIN, or if
	// that is 0 the lowest free one from rookery.FirstUIN. CodeExists if the
	// number is taken.
	CreateAccount(ctx context.Context, account rookery.Account, credential rookery.Credential) (rookery.UIN, error)
	// Account returns one account, CodeNoAccount if there is none.
	// rookery.System is an account from the beginning.
	Account(ctx context.Context, uin rookery.UIN) (rookery.Account, error)
	// Accounts returns those of the given accounts that exist, by number.
	Accounts(ctx context.Context, uins []rookery.UIN) ([]rookery.Account, error)
	// AccountsAfter returns at most limit accounts with numbers above after, by
	// number.
	AccountsAfter(ctx context.Context, after rookery.UIN, limit int) ([]rookery.Account, error)
	// UpdateAccount replaces the account of that number if its revision is
	// still a.Revision, and counts the revision up; else CodeConflict, or
	// CodeNoAccount. Created is not changed. The mark is remembered with
	// OutcomeDone. If an equal mark is remembered: its outcome, nothing else.
	UpdateAccount(ctx context.Context, account rookery.Account, key rookery.RequestKey) (rookery.Receipt, error)
	// Credential returns what proves the owner of an account, CodeNoAccount if
	// there is no such account.
	Credential(ctx context.Context, uin rookery.UIN) (rookery.Credential, error)
	// SetCredential replaces it and ends all sessions of the account.
	// CodeNoAccount if there is no such account.
	SetCredential(ctx context.Context, uin rookery.UIN, credential rookery.Credential) error
	// RemoveAccount deletes an account with its sessions, devices, friendships,
	// requests and blocks in both directions, mailbox, places, read marks, known
	// addresses and remembered marks. What others have from it in their mailboxes
	// stays. An account that is added again inherits nothing, and the numbers of
	// its mailbox and its devices continue above those of the earlier one.
	// CodeNoAccount if there is none.
	RemoveAccount(ctx context.Context, uin rookery.UIN) error
}

type friendStore interface {
	// Friends returns the friends of an account by number.
	Friends(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error)
	// Relation returns how two accounts stand to each other, as me sees it.
	Relation(ctx context.Context, me, other rookery.UIN) (rookery.Relation, error)
	// FriendRequests returns at most limit friend requests that wait at an account,
	// from accounts above after, by number.
	FriendRequests(ctx context.Context, uin, after rookery.UIN, limit int) ([]rookery.FriendRequest, error)
	// BlockedAccounts returns those whom an account blocks, by number.
	BlockedAccounts(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error)
	// BlockingAccounts returns those who block an account, by number.
	BlockingAccounts(ctx context.Context, uin rookery.UIN) ([]rookery.UIN, error)
	// ChangeRelation carries out a step between two accounts for me. If an equal mark is
	// remembered: its outcome, nothing else. If they no longer stand as
	// c.From says: CodeConflict. If one of the two is no account:
	// CodeNoAccount. Else the relation becomes c.Step.To for both sides, the
	// words of a request that waits then are c.Step.Words, the notice goes into
	// the mailbox of the other unless its pause holds it back, and the mark is
	// remembered with c.Step.Outcome. A step that changes nothing is remembered
	// too. CodeRefused if the notice has a limit and would exceed it.
	ChangeRelation(ctx context.Context, change rookery.RelationChange) (rookery.Receipt, error)
}

type mailboxStore interface {
	// Deliver puts letters into their mailboxes, all or none, and remembers the
	// mark with OutcomeDone. If an equal mark is remembered: its outcome,
	// nothing else. CodeNoAccount if a receiver does not exist, CodeRefused if a
	// letter has a limit and would exceed it: more would wait in the mailbox then,
	// above the highest place of all collectors, than the limit says. Letters
	// without a limit count for those that have one.
	//
	// The numbers of a mailbox only grow, in the order in which they became
	// visible. None is given out twice, whatever earlier state of itself the store
	// is opened on. There is a gap only where the store was opened, or the account
	// was added again, in between: nobody may subtract numbers to count.
	Deliver(ctx context.Context, letters []rookery.NewEntry, now time.Time, key rookery.RequestKey) (rookery.Receipt, error)
	// DeliverInOrder delivers one after the other, as if Deliver were called for
	// each in this order by the same caller: each is decided by itself, and no
	// entry of another operation comes between two of a mailbox that it fills.
	// It returns what became of each once all are durable.
	DeliverInOrder(ctx context.Context, deliveries []rookery.Delivery, now time.Time) []rookery.DeliveryResult
	// RequestOutcome looks for a remembered request: the outcome of one that was done
	// with an equal mark within the mark's window, and, for a LatestOnly mark,
	// is the latest of its owner and device.
	RequestOutcome(ctx context.Context, key rookery.RequestKey) (rookery.Outcome, bool, error)
	// RecordRequest remembers the mark with an outcome and does nothing else. If an
	// equal mark is remembered: its outcome.
	RecordRequest(ctx context.Context, key rookery.RequestKey, outcome rookery.Outcome) (rookery.Receipt, error)
	// MailboxState returns the number of the newest entry of a mailbox, 0 if there is
	// none, and a collector's place in it.
	MailboxState(ctx context.Context, uin rookery.UIN, device string) (last uint64, place rookery.Cursor, err error)
	// Entries returns at most limit entries with numbers above after and up to
	// upTo, by number.
	Entries(ctx context.Context, uin rookery.UIN, after, upTo uint64, limit int) ([]rookery.Entry, error)
	// History returns the newest entries that the query asks for, by number, and
	// whether there are older ones. CodeTemporary if ctx ends meanwhile: a search
	// for a text may take long.
	History(ctx context.Context, uin rookery.UIN, query rookery.HistoryQuery) (entries []rookery.Entry, more bool, err error)
	// ReadMark returns how far an account has read the conversation with another,
	// 0 if it never said.
	ReadMark(ctx context.Context, uin, with rookery.UIN) (uint64, error)
	// AdvanceReadMark moves the mark forward, never back, and remembers the
	// pastRequest's mark with OutcomeDone. If an equal one is remembered: its
	// outcome, nothing else. CodeNoAccount if uin is no account.
	AdvanceReadMark(ctx context.Context, uin rookery.UIN, readMark rookery.ReadMark, key rookery.RequestKey) (rookery.Receipt, error)
	// SaveCursor stores a collector's place. CodeNoAccount if there is no such
	// account. Of a device that the account does not have, forgotten meanwhile
	// perhaps, nothing is stored.
	SaveCursor(ctx context.Context, uin rookery.UIN, device string, place rookery.Cursor) error
}

type sessionStore interface {
	// ForEachSession calls yield with every session there is, in no order, until it
	// returns false.
	ForEachSession(ctx context.Context, yield func(rookery.Session) bool) error
	// StartSession stores a session in the place of the account's earlier one of the
	// same device, gives its status to the account's other sessions and adds
	// its address to the account's known ones (the latest 16 are kept).
	// A device that the account does not have yet is made: its number is one that no
	// device of the account had before, and its place is the furthest of all
	// collectors of the account, forgotten ones too, so that it begins with what
	// none has taken.
	// CodeNoAccount if there is no such account, CodeConflict if its credential
	// is not proved any more, CodeRefused if it has rookery.MaxDevices and this
	// would be one more.
	StartSession(ctx context.Context, session rookery.Session, proved rookery.Credential) error
	// SetSessionEncoding stores the Encoding of a session, if the session of that ID is
	// still there.
	SetSessionEncoding(ctx context.Context, session rookery.Session) error
	// SetConfirmsByNumber stores the ByNumber of a session, if the session of that ID is
	// still there.
	SetConfirmsByNumber(ctx context.Context, session rookery.Session) error
	// EndSessions ends sessions. One that is not there any more, or whose ID is
	// another by now, is left alone.
	EndSessions(ctx context.Context, sessions []rookery.Session) error
	// SetStatus gives a status to all sessions of an account and remembers the
	// mark with OutcomeDone. If an equal mark is remembered: its outcome,
	// nothing else.
	SetStatus(ctx context.Context, uin rookery.UIN, status rookery.Status, key rookery.RequestKey) (rookery.Receipt, error)
	// SetSessionsAsleep makes device sessions sleep. One that is not there any more, or whose
	// ID is another by now, is left alone.
	SetSessionsAsleep(ctx context.Context, sessions []rookery.Session) error
	// SleepingSession returns the sleeping session of an account that has the token,
	// CodeNotSignedIn if there is none.
	SleepingSession(ctx context.Context, uin rookery.UIN, token rookery.TokenHash) (rookery.Session, error)
	// WakeSession ends the sleep of a session and stores the address that it is heard
	// from. CodeNotSignedIn if there is no such sleeping session any more.
	WakeSession(ctx context.Context, session rookery.Session) error
	// Devices returns the devices of an account by ID.
	Devices(ctx context.Context, uin rookery.UIN) ([]rookery.Device, error)
	// ForgetDevice deletes a device of an account with its session and its place,
	// and remembers the mark with OutcomeDone. If an equal mark is remembered: its
	// outcome, nothing else. CodeParameter if there is no such device. Marks that
	// the device itself has left are of no use to a new one of the same name.
	ForgetDevice(ctx context.Context, uin rookery.UIN, id uint64, key rookery.RequestKey) (rookery.Receipt, error)
	// IsKnownAddress reports whether the account has signed in from the address's
	// network, see rookery.Network. The latest 16 are known.
	IsKnownAddress(ctx context.Context, uin rookery.UIN, addr netip.Addr) (bool, error)
}

type maintenanceStore interface {
	// Uptime is the latest that the store was told by Beat, or by a mark's At:
	// how long servers have been up on it, all in all.
	Uptime(ctx context.Context) (time.Duration, error)
	// RecordUptime stores how long servers have been up, and forgets marks from before
	// forget.
	RecordUptime(ctx context.Context, up, forget time.Duration) error
	// PurgeEntries deletes entries of mailboxes from the oldest on, up to the first that is
	// not from before a time, as far as some collector has passed them and no
	// consumer has to keep them; of an account that has had devices, its own words
	// also where no collector has come to. The newest entry of a mailbox always stays. A device
	// that lags behind keeps what it was handed and may be handed again, from its
	// Place.Keep on, until it has collected further or is forgotten. Else it keeps
	// nothing: what another has collected goes when it is old enough, and the device goes
	// on with what is left. Purge looks at some accounts above after and deletes at
	// most limit entries. next is where to go on, 0 when all accounts were looked at.
	PurgeEntries(ctx context.Context, after rookery.UIN, before time.Time, limit int) (next rookery.UIN, deleted int, err error)
	// CheckDiskSpace looks whether a disk that was full has room again. While it has not,
	// letters with a limit get CodeTemporary, and what is kept of the disk is for
	// everything else. It is cheap.
	CheckDiskSpace()
	// Close ends the store once what it has accepted is done. Later calls get
	// CodeTemporary.
	Close() error
}
