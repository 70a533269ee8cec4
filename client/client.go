// Package client speaks HTTP QQ to a server, for Go programs.
package client

import (
	"context"
	"iter"
	"time"

	"github.com/rookery-im/rookery"
)

// These are the nouns of package rookery, so that an application need not
// import it.
type (
	// UIN is an account number.
	UIN = rookery.UIN
	// Status is what a user chose to be, or what others see of it.
	Status = rookery.Status
	// Kind says what a message is.
	Kind = rookery.Kind
	// Profile is what an account says about its owner.
	Profile = rookery.Profile
	// Rule says who becomes a friend of an account how.
	Rule = rookery.Rule
)

// Client is one account, signed in. Its methods may be called at the same time.
type Client struct{}

// Option changes how a Client behaves.
type Option func(*options)

type options struct{}

// Password signs in with the account's password.
func Password(password string) Option { panic("not built yet") }

// Token goes on with the device session that the token proves, as Client.Token
// returned it; a password is not needed then.
func Token(token string) Option { panic("not built yet") }

// Device names the device to sign in as; it needs protocol version 1.4. Without one
// the session belongs to the client's address.
func Device(name string) Option { panic("not built yet") }

// Dial signs in at an address: qq://10001@host, or with http, https, tcp, ws or
// wss in the place of qq, a port, a path.
func Dial(ctx context.Context, address string, opts ...Option) (*Client, error) {
	panic("not built yet")
}

// UIN is the client's account.
func (c *Client) UIN() UIN { panic("not built yet") }

// Token proves the device session in a later Dial; empty for an address
// session. It is a secret.
func (c *Client) Token() string { panic("not built yet") }

// State is how the connection stands.
type State struct {
	Connected bool
	// Err is why it is not, nil if it is.
	Err error
	// Retry is when the next attempt is made, the zero Time if none will be.
	Retry time.Time
}

// State returns the connection's state. Its changes are Events too.
func (c *Client) State() State { panic("not built yet") }

// Message is one entry of the account's mailbox.
type Message struct {
	// Number is its number in the mailbox; 0 where the server does not say it:
	// in answers to an address session.
	Number uint64
	Kind   Kind
	// Peer is the other side: who wrote, or for KindSent to whom.
	Peer UIN
	Text string
	// Time is when the server took it, the zero Time where it does not say.
	Time time.Time
}

// Mine reports whether the message is the account's own words.
func (m Message) Mine() bool { return m.Kind == rookery.KindSent }

// Event is something that has happened: a Message, a Presence, a ReadMark or a
// State.
type Event interface{ event() }

// Presence is a friend's new status.
type Presence struct {
	Friend UIN
	Status Status
}

// ReadMark says that another device of the account has read a conversation.
type ReadMark struct {
	With   UIN
	Number uint64
}

func (Message) event()  {}
func (Presence) event() {}
func (ReadMark) event() {}
func (State) event()    {}

// Events yields what happens until ctx ends or the client is closed. A message
// counts as received once the loop comes back for the next event: one that the
// program did not get to comes again the next time. One loop at a time.
func (c *Client) Events(ctx context.Context) iter.Seq[Event] { panic("not built yet") }

// Messages is Events with nothing but messages.
func (c *Client) Messages(ctx context.Context) iter.Seq[Message] { panic("not built yet") }

// Send sends a text. When it returns nil the server has it for good. It goes on
// trying through lost connections until ctx ends, and the receiver gets it once.
func (c *Client) Send(ctx context.Context, to UIN, text string) error { panic("not built yet") }

// Friend is a friend as the friend list shows it.
type Friend struct {
	UIN    UIN
	Nick   string
	Face   int
	Status Status
}

// Friends lists the account's friends by number.
func (c *Client) Friends(ctx context.Context) ([]Friend, error) { panic("not built yet") }

// Info is an account as it shows itself.
type Info struct {
	UIN UIN
	Profile
}

// Info looks an account up.
func (c *Client) Info(ctx context.Context, uin UIN) (Info, error) { panic("not built yet") }

// SetStatus changes the account's status.
func (c *Client) SetStatus(ctx context.Context, s Status) error { panic("not built yet") }

// Added says what adding somebody came to.
type Added int

const (
	AddedFriend Added = 0 // friends now
	AddMustAsk  Added = 1 // Ask first
	AddClosed   Added = 3 // takes no one
)

// Add makes friends with an account that lets everybody. ErrNoAccount if there
// is none.
func (c *Client) Add(ctx context.Context, uin UIN) (Added, error) { panic("not built yet") }

// Ask asks an account, with words, to become a friend.
func (c *Client) Ask(ctx context.Context, uin UIN, words string) error { panic("not built yet") }

// Accept and Reject answer a request that waits.
func (c *Client) Accept(ctx context.Context, uin UIN) error { panic("not built yet") }

func (c *Client) Reject(ctx context.Context, uin UIN, words string) error { panic("not built yet") }

// Remove ends a friendship.
func (c *Client) Remove(ctx context.Context, uin UIN) error { panic("not built yet") }

// Query is a search for people who are online; what is nil or empty may be anything.
type Query struct {
	Age, Sex *int
	Province string
}

// Found is one whom a search has found.
type Found struct {
	UIN      UIN
	Nick     string
	Face     int
	Sex, Age int
	Province string
}

// Find searches, all pages.
func (c *Client) Find(ctx context.Context, q Query) ([]Found, error) { panic("not built yet") }

// What follows is for device sessions; elsewhere it is ErrRefused.

// Request is a friend request that waits for an answer.
type Request struct {
	From  UIN
	Words string
	Time  time.Time
}

// Requests lists those that wait, by number of the asker.
func (c *Client) Requests(ctx context.Context) ([]Request, error) { panic("not built yet") }

// Change is what SetInfo changes; what is nil stays.
type Change struct {
	// Profile replaces fields by their protocol keys: NK, FC, AG, ...
	Profile   map[string]string
	Rule      *Rule
	Strangers *bool // strangers may write
	Findable  *bool // searches may find the account
}

// SetInfo changes the own account.
func (c *Client) SetInfo(ctx context.Context, ch Change) error { panic("not built yet") }

// Block, Unblock and Blocked are about whom the account takes nothing of.
func (c *Client) Block(ctx context.Context, uin UIN) error { panic("not built yet") }

func (c *Client) Unblock(ctx context.Context, uin UIN) error { panic("not built yet") }

func (c *Client) Blocked(ctx context.Context) ([]UIN, error) { panic("not built yet") }

// HistoryQuery asks for a page of a conversation.
type HistoryQuery struct {
	With   UIN    // 0: everybody
	Before uint64 // a message's number; 0: the newest
	Limit  int    // at most; 0: 50
	Text   string // only what contains it
}

// History is a page of it, oldest first.
type History struct {
	Messages []Message
	Last     bool   // nothing is older
	Read     uint64 // how far the account has read it; on the first page only
}

// History returns the newest messages that are asked for.
func (c *Client) History(ctx context.Context, q HistoryQuery) (History, error) {
	panic("not built yet")
}

// MarkRead says that a conversation was read up to a message; the account's
// other devices get a ReadMark.
func (c *Client) MarkRead(ctx context.Context, with UIN, number uint64) error {
	panic("not built yet")
}

// DeviceInfo is one of the account's devices.
type DeviceInfo struct {
	ID    uint64
	Name  string
	Since time.Time // its latest sign-in
}

// Devices lists the account's devices.
func (c *Client) Devices(ctx context.Context) ([]DeviceInfo, error) { panic("not built yet") }

// Revoke ends a device's session and forgets it.
func (c *Client) Revoke(ctx context.Context, id uint64) error { panic("not built yet") }

// Logout ends the session and closes the client.
func (c *Client) Logout(ctx context.Context) error { panic("not built yet") }

// Close ends the connection and leaves the session to itself: friends see it
// go some minutes later, and a device can go on with its token.
func (c *Client) Close() error { panic("not built yet") }
