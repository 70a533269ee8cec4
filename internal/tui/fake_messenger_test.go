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
type fakeMessenger struct {
	uin    client.UIN
	token  string
	events chan client.Event

	mu          sync.Mutex // guards what follows
	state       client.State
	friends     []client.Friend
	profiles    map[client.UIN]client.Profile
	requests    []client.FriendRequest
	blocked     []client.UIN
	devices     []client.DeviceInfo
	history     []client.Message
	readUpTo    map[client.UIN]uint64
	addResult   client.AddResult
	err         error                     // of everything
	sendResults map[client.UIN]chan error // what sending comes to; those that have none succeed at once
	calls       []string                  // what it was told to do
	replyGate   chan struct{}             // if it is set, history and profiles wait until it is closed
}

// blockReplies has history and profiles wait until the function that it returns is called.
func (s *fakeMessenger) blockReplies() (answer func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slow := make(chan struct{})
	s.replyGate = slow
	return func() {
		s.mu.Lock()
		s.replyGate = nil
		s.mu.Unlock()
		close(slow)
	}
}

func (s *fakeMessenger) waitForGate(ctx context.Context) {
	s.mu.Lock()
	slow := s.replyGate
	s.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
		}
	}
}

func (s *fakeMessenger) recordCall(parts ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, strings.Join(parts, " "))
	return s.err
}

func (s *fakeMessenger) recordedCalls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *fakeMessenger) UIN() client.UIN { return s.uin }
func (s *fakeMessenger) Token() string   { return s.token }

func (s *fakeMessenger) State() client.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *fakeMessenger) Events(ctx context.Context) iter.Seq[client.Event] {
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

func (s *fakeMessenger) Send(ctx context.Context, to client.UIN, text string) error {
	s.mu.Lock()
	result := s.sendResults[to]
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
	return s.recordCall("send", to.String(), text)
}

func (s *fakeMessenger) Friends(context.Context) ([]client.Friend, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.friends), s.err
}

func (s *fakeMessenger) Info(ctx context.Context, uin client.UIN) (client.AccountInfo, error) {
	s.waitForGate(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	profile, ok := s.profiles[uin]
	if !ok {
		return client.AccountInfo{}, client.ErrNoAccount
	}
	return client.AccountInfo{UIN: uin, Profile: profile}, s.err
}

func (s *fakeMessenger) SetStatus(_ context.Context, st client.Status) error {
	return s.recordCall("status", st.String())
}

func (s *fakeMessenger) AddFriend(_ context.Context, uin client.UIN) (client.AddResult, error) {
	return s.addResult, s.recordCall("add", uin.String())
}

func (s *fakeMessenger) RequestFriendship(_ context.Context, uin client.UIN, words string) error {
	return s.recordCall("ask", uin.String(), words)
}

// removeRequest takes a request out, as the server does.
func (s *fakeMessenger) removeRequest(uin client.UIN) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = slices.DeleteFunc(s.requests, func(request client.FriendRequest) bool { return request.From == uin })
}

func (s *fakeMessenger) AcceptRequest(_ context.Context, uin client.UIN) error {
	s.removeRequest(uin)
	return s.recordCall("accept", uin.String())
}

func (s *fakeMessenger) RejectRequest(_ context.Context, uin client.UIN, words string) error {
	s.removeRequest(uin)
	return s.recordCall("reject", uin.String(), words)
}

func (s *fakeMessenger) RemoveFriend(_ context.Context, uin client.UIN) error {
	return s.recordCall("remove", uin.String())
}

func (s *fakeMessenger) Find(_ context.Context, query client.SearchQuery) ([]client.SearchResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []client.SearchResult
	for _, uin := range slices.Sorted(keysOf(s.profiles)) {
		profile := s.profiles[uin]
		if (query.Age == nil || *query.Age == profile.Age) && (query.Sex == nil || *query.Sex == profile.Sex) && (query.Province == "" || query.Province == profile.Province) {
			found = append(found, client.SearchResult{UIN: uin, Nick: profile.Nick, Sex: profile.Sex, Age: profile.Age, Province: profile.Province})
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

func (s *fakeMessenger) FriendRequests(context.Context) ([]client.FriendRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests), s.err
}

func (s *fakeMessenger) SetInfo(ctx context.Context, change client.AccountChange) error {
	s.waitForGate(ctx)
	var all []string
	for k, v := range change.Profile {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	if change.Rule != nil {
		all = append(all, "rule="+change.Rule.String())
	}
	return s.recordCall("setinfo", strings.Join(all, " "))
}

func (s *fakeMessenger) Block(_ context.Context, uin client.UIN) error {
	s.mu.Lock()
	s.blocked = append(s.blocked, uin)
	s.friends = slices.DeleteFunc(s.friends, func(friend client.Friend) bool { return friend.UIN == uin })
	s.mu.Unlock()
	return s.recordCall("block", uin.String())
}

func (s *fakeMessenger) Unblock(_ context.Context, uin client.UIN) error {
	s.mu.Lock()
	s.blocked = slices.DeleteFunc(s.blocked, func(b client.UIN) bool { return b == uin })
	s.mu.Unlock()
	return s.recordCall("unblock", uin.String())
}

func (s *fakeMessenger) Blocked(context.Context) ([]client.UIN, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.blocked), s.err
}

func (s *fakeMessenger) History(ctx context.Context, query client.HistoryQuery) (client.History, error) {
	s.waitForGate(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	history := client.History{IsLastPage: true}
	for _, message := range slices.Backward(s.history) {
		if query.With != 0 && message.Peer != query.With || query.Before != 0 && message.Number >= query.Before || !strings.Contains(message.Text, query.Text) {
			continue
		}
		if len(history.Messages) == query.Limit {
			history.IsLastPage = false
			break
		}
		history.Messages = append(history.Messages, message)
	}
	slices.Reverse(history.Messages)
	if query.Before == 0 {
		history.ReadUpTo = s.readUpTo[query.With]
	}
	return history, s.err
}

func (s *fakeMessenger) MarkRead(_ context.Context, with client.UIN, number uint64) error {
	s.mu.Lock()
	s.readUpTo[with] = number
	s.mu.Unlock()
	return s.recordCall("read", with.String(), strconv.FormatUint(number, 10))
}

func (s *fakeMessenger) Devices(context.Context) ([]client.DeviceInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.devices), s.err
}

func (s *fakeMessenger) RevokeDevice(_ context.Context, id uint64) error {
	s.mu.Lock()
	s.devices = slices.DeleteFunc(s.devices, func(deviceInfo client.DeviceInfo) bool { return deviceInfo.ID == id })
	s.mu.Unlock()
	return s.recordCall("revoke")
}
