package tui

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rookery-im/rookery/client"
)

// scripted is an account in memory: it has what a test gives it, and keeps what
// it is told. Its words travel when the test says so.
type scripted struct {
	uin    client.UIN
	token  string
	events chan client.Event

	mu       sync.Mutex // guards what follows
	state    client.State
	friends  []client.Friend
	people   map[client.UIN]client.Profile
	requests []client.Request
	blocked  []client.UIN
	devices  []client.DeviceInfo
	history  []client.Message
	read     map[client.UIN]uint64
	added    client.Added
	err      error                     // of everything
	sends    map[client.UIN]chan error // what sending comes to; those that have none succeed at once
	told     []string                  // what it was told to do
	slow     chan struct{}             // if it is set, history and profiles wait until it is closed
}

// dawdle has history and profiles wait until the function that it returns is called.
func (s *scripted) dawdle() (answer func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slow := make(chan struct{})
	s.slow = slow
	return func() {
		s.mu.Lock()
		s.slow = nil
		s.mu.Unlock()
		close(slow)
	}
}

func (s *scripted) wait(ctx context.Context) {
	s.mu.Lock()
	slow := s.slow
	s.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
		}
	}
}

func (s *scripted) note(parts ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, strings.Join(parts, " "))
	return s.err
}

func (s *scripted) notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told)
}

func (s *scripted) UIN() client.UIN { return s.uin }
func (s *scripted) Token() string   { return s.token }

func (s *scripted) State() client.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *scripted) Events(ctx context.Context) iter.Seq[client.Event] {
	return func(yield func(client.Event) bool) {
		for {
			select {
			case event := <-s.events:
				if !yield(event) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *scripted) Send(ctx context.Context, to client.UIN, text string) error {
	s.mu.Lock()
	result := s.sends[to]
	s.mu.Unlock()
	if result != nil {
		select {
		case err := <-result:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.note("send", to.String(), text)
}

func (s *scripted) Friends(context.Context) ([]client.Friend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.friends), s.err
}

func (s *scripted) Info(ctx context.Context, uin client.UIN) (client.Info, error) {
	s.wait(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	profile, ok := s.people[uin]
	if !ok {
		return client.Info{}, client.ErrNoAccount
	}
	return client.Info{UIN: uin, Profile: profile}, s.err
}

func (s *scripted) SetStatus(_ context.Context, st client.Status) error {
	return s.note("status", st.String())
}

func (s *scripted) Add(_ context.Context, uin client.UIN) (client.Added, error) {
	return s.added, s.note("add", uin.String())
}

func (s *scripted) Ask(_ context.Context, uin client.UIN, words string) error {
	return s.note("ask", uin.String(), words)
}

// settle takes a request out, as the server does.
func (s *scripted) settle(uin client.UIN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = slices.DeleteFunc(s.requests, func(request client.Request) bool { return request.From == uin })
}

func (s *scripted) Accept(_ context.Context, uin client.UIN) error {
	s.settle(uin)
	return s.note("accept", uin.String())
}

func (s *scripted) Reject(_ context.Context, uin client.UIN, words string) error {
	s.settle(uin)
	return s.note("reject", uin.String(), words)
}

func (s *scripted) Remove(_ context.Context, uin client.UIN) error {
	return s.note("remove", uin.String())
}

func (s *scripted) Find(_ context.Context, query client.Query) ([]client.Found, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []client.Found
	for _, uin := range slices.Sorted(keysOf(s.people)) {
		profile := s.people[uin]
		if (query.Age == nil || *query.Age == profile.Age) && (query.Sex == nil || *query.Sex == profile.Sex) && (query.Province == "" || query.Province == profile.Province) {
			found = append(found, client.Found{UIN: uin, Nick: profile.Nick, Sex: profile.Sex, Age: profile.Age, Province: profile.Province})
		}
	}
	return found, s.err
}

func keysOf(m map[client.UIN]client.Profile) iter.Seq[client.UIN] {
	return func(yield func(client.UIN) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (s *scripted) Requests(context.Context) ([]client.Request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests), s.err
}

func (s *scripted) SetInfo(ctx context.Context, change client.Change) error {
	s.wait(ctx)
	var all []string
	for k, v := range change.Profile {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	if change.Rule != nil {
		all = append(all, "rule="+change.Rule.String())
	}
	return s.note("setinfo", strings.Join(all, " "))
}

func (s *scripted) Block(_ context.Context, uin client.UIN) error {
	s.mu.Lock()
	s.blocked = append(s.blocked, uin)
	s.friends = slices.DeleteFunc(s.friends, func(friend client.Friend) bool { return friend.UIN == uin })
	s.mu.Unlock()
	return s.note("block", uin.String())
}

func (s *scripted) Unblock(_ context.Context, uin client.UIN) error {
	s.mu.Lock()
	s.blocked = slices.DeleteFunc(s.blocked, func(b client.UIN) bool { return b == uin })
	s.mu.Unlock()
	return s.note("unblock", uin.String())
}

func (s *scripted) Blocked(context.Context) ([]client.UIN, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.blocked), s.err
}

func (s *scripted) History(ctx context.Context, query client.HistoryQuery) (client.History, error) {
	s.wait(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	history := client.History{Last: true}
	for _, message := range slices.Backward(s.history) {
		if query.With != 0 && message.Peer != query.With || query.Before != 0 && message.Number >= query.Before || !strings.Contains(message.Text, query.Text) {
			continue
		}
		if len(history.Messages) == query.Limit {
			history.Last = false
			break
		}
		history.Messages = append(history.Messages, message)
	}
	slices.Reverse(history.Messages)
	if query.Before == 0 {
		history.Read = s.read[query.With]
	}
	return history, s.err
}

func (s *scripted) MarkRead(_ context.Context, with client.UIN, number uint64) error {
	s.mu.Lock()
	s.read[with] = number
	s.mu.Unlock()
	return s.note("read", with.String(), strconv.FormatUint(number, 10))
}

func (s *scripted) Devices(context.Context) ([]client.DeviceInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.devices), s.err
}

func (s *scripted) Revoke(_ context.Context, id uint64) error {
	s.mu.Lock()
	s.devices = slices.DeleteFunc(s.devices, func(deviceInfo client.DeviceInfo) bool { return deviceInfo.ID == id })
	s.mu.Unlock()
	return s.note("revoke")
}
