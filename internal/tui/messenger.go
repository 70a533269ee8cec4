package tui

import (
	"context"
	"iter"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// Messenger is a signed-in account. *client.Client implements it and documents the
// methods.
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
	RequestFriendship(ctx context.Context, uin client.UIN, text string) error
	AcceptRequest(ctx context.Context, uin client.UIN) error
	RejectRequest(ctx context.Context, uin client.UIN, text string) error
	RemoveFriend(ctx context.Context, uin client.UIN) error
	Find(ctx context.Context, query client.SearchQuery) ([]client.SearchResult, error)

	// The methods below require a device session.
	FriendRequests(ctx context.Context) ([]client.FriendRequest, error)
	SetInfo(ctx context.Context, change client.AccountChange) error
	Block(ctx context.Context, uin client.UIN) error
	Unblock(ctx context.Context, uin client.UIN) error
	Blocked(ctx context.Context) ([]client.UIN, error)
	History(ctx context.Context, query client.HistoryQuery) (client.History, error)
	MarkRead(ctx context.Context, peer client.UIN, number uint64) error
	Devices(ctx context.Context) ([]client.DeviceInfo, error)
	RevokeDevice(ctx context.Context, id uint64) error
}

var _ Messenger = (*client.Client)(nil)

// requestTimeout bounds every request but Send, because the user waits for the result.
const requestTimeout = 30 * time.Second

// taskResult is the message with which a task returns its result to Update.
type taskResult interface {
	// apply updates app. Update calls it.
	apply(app *App) tea.Cmd
}

// resultFunc is a taskResult made of a function.
type resultFunc func(app *App) tea.Cmd

func (f resultFunc) apply(app *App) tea.Cmd { return f(app) }

// runTask returns a command that calls do in the background. Update then calls done with
// the result.
func runTask[T any](app *App, do func(ctx context.Context) (T, error), done func(T, error) tea.Cmd) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(app.ctx, requestTimeout)
		defer cancel()
		result, err := do(ctx)
		return resultFunc(func(*App) tea.Cmd { return done(result, err) })
	}
}

// runAction is runTask for requests without a result. It shows an error in the bottom
// line and calls done after a success only.
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

// requestHistory requests a page of the history. Update then calls done.
func (a *App) requestHistory(query client.HistoryQuery, done func(client.History, error) tea.Cmd) tea.Cmd {
	return runTask(a, func(ctx context.Context) (client.History, error) {
		return a.messenger.History(ctx, query)
	}, done)
}

// requestInfo requests the profile of an account. Update then calls done.
func (a *App) requestInfo(uin client.UIN, done func(client.AccountInfo, error) tea.Cmd) tea.Cmd {
	return runTask(a, func(ctx context.Context) (client.AccountInfo, error) {
		return a.messenger.Info(ctx, uin)
	}, done)
}

// eventStream reads the messenger's events one by one. Asking for the next event marks
// the previous message as received, so App asks only after Update has handled it.
type eventStream struct {
	mu   sync.Mutex // held during calls of next and stop
	next func() (client.Event, bool)
	stop func()
}

func newEventStream(ctx context.Context, messenger Messenger) *eventStream {
	next, stop := iter.Pull(messenger.Events(ctx))
	return &eventStream{next: next, stop: stop}
}

// clientEvent carries an event to Update.
type clientEvent struct{ event client.Event }

// waitForEvent is a command that waits for the next event.
func (s *eventStream) waitForEvent() tea.Msg {
	s.mu.Lock()
	event, ok := s.next()
	s.mu.Unlock()
	if !ok {
		return nil
	}
	return clientEvent{event}
}

// close ends the stream. The caller has cancelled its context already, so that no
// waitForEvent blocks.
func (s *eventStream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}
