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

// fakeMessenger is an account in memory. It records the calls that change something.
type fakeMessenger struct {
	uin    client.UIN
	token  string
	events chan client.Event

	mu          sync.Mutex // guards the fields below
	state       client.State
	friends     []client.Friend
	profiles    map[client.UIN]client.Profile
	requests    []client.FriendRequest
	blocked     []client.UIN
	devices     []client.DeviceInfo
	history     []client.Message
	readUpTo    map[client.UIN]uint64
	addResult   client.AddResult
	err         error                     // result of every call
	sendResults map[client.UIN]chan error // results of Send by receiver; without a channel Send succeeds at once
	calls       []string                  // recorded calls
	replyGate   chan struct{}             // if set, History, Info and SetInfo wait until it closes
}

// blockReplies makes History, Info and SetInfo wait until the caller calls answer.
func (f *fakeMessenger) blockReplies() (answer func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	slow := make(chan struct{})
	f.replyGate = slow
	return func() {
		f.mu.Lock()
		f.replyGate = nil
		f.mu.Unlock()
		close(slow)
	}
}

func (f *fakeMessenger) waitForGate(ctx context.Context) {
	f.mu.Lock()
	slow := f.replyGate
	f.mu.Unlock()
	if slow != nil {
		select {
		case <-slow:
		case <-ctx.Done():
		}
	}
}

func (f *fakeMessenger) recordCall(parts ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.Join(parts, " "))
	return f.err
}

func (f *fakeMessenger) recordedCalls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeMessenger) UIN() client.UIN { return f.uin }
func (f *fakeMessenger) Token() string   { return f.token }

func (f *fakeMessenger) State() client.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *fakeMessenger) Events(ctx context.Context) iter.Seq[client.Event] {
	return func(yield func(client.Event) bool) {
		for {
			select {
			case event := <-f.events:
				if !yield(event) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func (f *fakeMessenger) Send(ctx context.Context, to client.UIN, text string) error {
	f.mu.Lock()
	result := f.sendResults[to]
	f.mu.Unlock()
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
	return f.recordCall("send", to.String(), text)
}

func (f *fakeMessenger) Friends(context.Context) ([]client.Friend, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.friends), f.err
}

func (f *fakeMessenger) Info(ctx context.Context, uin client.UIN) (client.AccountInfo, error) {
	f.waitForGate(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	profile, ok := f.profiles[uin]
	if !ok {
		return client.AccountInfo{}, client.ErrNoAccount
	}
	return client.AccountInfo{UIN: uin, Profile: profile}, f.err
}

func (f *fakeMessenger) SetStatus(_ context.Context, st client.Status) error {
	return f.recordCall("status", st.String())
}

func (f *fakeMessenger) AddFriend(_ context.Context, uin client.UIN) (client.AddResult, error) {
	return f.addResult, f.recordCall("add", uin.String())
}

func (f *fakeMessenger) RequestFriendship(_ context.Context, uin client.UIN, text string) error {
	return f.recordCall("ask", uin.String(), text)
}

// removeRequest deletes an answered request.
func (f *fakeMessenger) removeRequest(uin client.UIN) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = slices.DeleteFunc(f.requests, func(request client.FriendRequest) bool { return request.From == uin })
}

func (f *fakeMessenger) AcceptRequest(_ context.Context, uin client.UIN) error {
	f.removeRequest(uin)
	return f.recordCall("accept", uin.String())
}

func (f *fakeMessenger) RejectRequest(_ context.Context, uin client.UIN, text string) error {
	f.removeRequest(uin)
	return f.recordCall("reject", uin.String(), text)
}

func (f *fakeMessenger) RemoveFriend(_ context.Context, uin client.UIN) error {
	return f.recordCall("remove", uin.String())
}

func (f *fakeMessenger) Find(_ context.Context, query client.SearchQuery) ([]client.SearchResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []client.SearchResult
	for _, uin := range slices.Sorted(keysOf(f.profiles)) {
		profile := f.profiles[uin]
		if (query.Age == nil || *query.Age == profile.Age) && (query.Sex == nil || *query.Sex == profile.Sex) &&
			(query.Province == "" || query.Province == profile.Province) {
			found = append(found, client.SearchResult{UIN: uin, Nick: profile.Nick, Sex: profile.Sex, Age: profile.Age,
				Province: profile.Province})
		}
	}
	return found, f.err
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

func (f *fakeMessenger) FriendRequests(context.Context) ([]client.FriendRequest, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests), f.err
}

func (f *fakeMessenger) SetInfo(ctx context.Context, change client.AccountChange) error {
	f.waitForGate(ctx)
	var all []string
	for k, v := range change.Profile {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	if change.FriendRule != nil {
		all = append(all, "rule="+change.FriendRule.String())
	}
	return f.recordCall("setinfo", strings.Join(all, " "))
}

func (f *fakeMessenger) Block(_ context.Context, uin client.UIN) error {
	f.mu.Lock()
	f.blocked = append(f.blocked, uin)
	f.friends = slices.DeleteFunc(f.friends, func(friend client.Friend) bool { return friend.UIN == uin })
	f.mu.Unlock()
	return f.recordCall("block", uin.String())
}

func (f *fakeMessenger) Unblock(_ context.Context, uin client.UIN) error {
	f.mu.Lock()
	f.blocked = slices.DeleteFunc(f.blocked, func(b client.UIN) bool { return b == uin })
	f.mu.Unlock()
	return f.recordCall("unblock", uin.String())
}

func (f *fakeMessenger) Blocked(context.Context) ([]client.UIN, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.blocked), f.err
}

func (f *fakeMessenger) History(ctx context.Context, query client.HistoryQuery) (client.History, error) {
	f.waitForGate(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	history := client.History{IsLastPage: true}
	for _, message := range slices.Backward(f.history) {
		if query.Peer != 0 && message.Peer != query.Peer || query.Before != 0 && message.Number >= query.Before ||
			!strings.Contains(message.Text, query.Text) {
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
		history.ReadUpTo = f.readUpTo[query.Peer]
	}
	return history, f.err
}

func (f *fakeMessenger) MarkRead(_ context.Context, peer client.UIN, number uint64) error {
	f.mu.Lock()
	f.readUpTo[peer] = number
	f.mu.Unlock()
	return f.recordCall("read", peer.String(), strconv.FormatUint(number, 10))
}

func (f *fakeMessenger) Devices(context.Context) ([]client.DeviceInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.devices), f.err
}

func (f *fakeMessenger) RevokeDevice(_ context.Context, id uint64) error {
	f.mu.Lock()
	f.devices = slices.DeleteFunc(f.devices, func(deviceInfo client.DeviceInfo) bool { return deviceInfo.ID == id })
	f.mu.Unlock()
	return f.recordCall("revoke")
}
