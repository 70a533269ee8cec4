package tui

import (
	"context"
	"iter"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// Messenger is what the terminal needs of an account that is signed in; a
// *client.Client is one, and says what the methods do.
type Messenger interface {
	UIN() client.UIN
	Token() string
	State() client.State
	Events(ctx context.Context) iter.Seq[client.Event]
	Send(ctx context.Context, to client.UIN, text string) error

	Friends(ctx context.Context) ([]client.Friend, error)
	Info(ctx context.Context, uin client.UIN) (client.AccountInfo, error)
	SetStatus(ctx context.Context, status client.Status) error
	AddFriend(ctx context.Context, uin client.UIN) (client.AddResult, error)
	RequestFriendship(ctx context.Context, uin client.UIN, words string) error
	AcceptRequest(ctx context.Context, uin client.UIN) error
	RejectRequest(ctx context.Context, uin client.UIN, words string) error
	RemoveFriend(ctx context.Context, uin client.UIN) error
	Find(ctx context.Context, query client.SearchQuery) ([]client.SearchResult, error)

	// For device sessions only:
	FriendRequests(ctx context.Context) ([]client.FriendRequest, error)
	SetInfo(ctx context.Context, change client.AccountChange) error
	Block(ctx context.Context, uin client.UIN) error
	Unblock(ctx context.Context, uin client.UIN) error
	Blocked(ctx context.Context) ([]client.UIN, error)
	History(ctx context.Context, query client.HistoryQuery) (client.History, error)
	MarkRead(ctx context.Context, with client.UIN, number uint64) error
	Devices(ctx context.Context) ([]client.DeviceInfo, error)
	RevokeDevice(ctx context.Context, id uint64) error
}

var _ Messenger = (*client.Client)(nil)

// patience is how long anything but a message may take: the user waits for it.
const requestTimeout = 30 * time.Second

// taskResult is what came of something that was done outside of Update.
type taskResult interface {
	// apply takes it over; called by Update.
	apply(app *App) tea.Cmd
}

// resultFunc is an outcome that is told by a function.
type resultFunc func(app *App) tea.Cmd

func (t resultFunc) apply(app *App) tea.Cmd { return t(app) }

// runTask has the messenger do something, and then the App take over what came of
// it.
func runTask[T any](app *App, do func(ctx context.Context) (T, error), done func(T, error) tea.Cmd) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(app.ctx, requestTimeout)
		defer cancel()
		result, err := do(ctx)
		return resultFunc(func(*App) tea.Cmd { return done(result, err) })
	}
}

// runAction is ask for what has no result. What fails is said at the bottom.
func runAction(app *App, do func(ctx context.Context) error, done func() tea.Cmd) tea.Cmd {
	return runTask(app, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) },
		func(_ struct{}, err error) tea.Cmd {
			if err != nil {
				app.showError(err)
				return nil
			}
			return done()
		})
}

// stream yields events one by one. A message counts as received when the next
// event is asked for, which Update does once it has the one before.
type eventStream struct {
	mu   sync.Mutex // guards the two, which must not be called at the same time
	next func() (client.Event, bool)
	stop func()
}

func newEventStream(ctx context.Context, messenger Messenger) *eventStream {
	next, stop := iter.Pull(messenger.Events(ctx))
	return &eventStream{next: next, stop: stop}
}

// clientEvent is an event that Update has not seen.
type clientEvent struct{ event client.Event }

// waitForEvent waits for the next event.
func (s *eventStream) waitForEvent() tea.Msg {
	s.mu.Lock()
	event, ok := s.next()
	s.mu.Unlock()
	if !ok {
		return nil
	}
	return clientEvent{event}
}

// close ends the stream, whose context has ended before.
func (s *eventStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}
