package service

import (
	"cmp"
	"context"
	"slices"

	"github.com/rookery-im/rookery"
)

// Notice tells that a friend's status has changed, and to what.
type Notice struct {
	Friend rookery.UIN
	Status rookery.Status
}

// SetStatus changes the status of an account. Everybody sees it once it
// returns nil, and then it is durable.
func (s *Service) SetStatus(ctx context.Context, se *Session, status rookery.Status, mark rookery.Mark) error {
	m := se.member
	m.turn.Lock()
	defer m.turn.Unlock()
	if !m.current(se) {
		return errNotSignedIn
	}
	receipt, err := s.store.SetStatus(ctx, m.uin, status, mark)
	if err != nil || receipt.Repeated {
		return err
	}
	before := m.shown()
	m.setStatus(status)
	s.announce(ctx, m, before)
	return nil
}

// announce tells the friends of a member, whose turn it is, what it shows if
// that is something else than before. Only those who are signed in hear of it;
// nothing of it is stored.
func (s *Service) announce(ctx context.Context, m *member, before rookery.Status) {
	after := m.shown().Basic()
	if after == before.Basic() {
		return
	}
	friends, err := s.friends(ctx, m)
	if err != nil {
		s.log.Warn("friends were not told of a changed status", "account", m.uin, "error", err)
		return
	}
	for _, uin := range friends {
		if friend := s.members.get(uin); friend != nil {
			friend.notice(m.uin, after)
		}
	}
}

// notice takes a notice if the member is signed in; the latest of a friend
// counts.
func (m *member) notice(friend rookery.UIN, status rookery.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		return
	}
	if m.notices == nil {
		m.notices = make(map[rookery.UIN]rookery.Status)
	}
	m.notices[friend] = status
}

// pending lists the notices that wait, by friend.
func (m *member) pending() []Notice {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.notices) == 0 {
		return nil
	}
	list := make([]Notice, 0, len(m.notices))
	for friend, status := range m.notices {
		list = append(list, Notice{friend, status})
	}
	slices.SortFunc(list, func(a, b Notice) int { return cmp.Compare(a.Friend, b.Friend) })
	return list
}

// handedOut takes notices away, but for those that newer ones replaced.
func (m *member) handedOut(list []Notice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range list {
		if m.notices[n.Friend] == n.Status {
			delete(m.notices, n.Friend)
		}
	}
}

func (m *member) setStatus(status rookery.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = status
}

// statusToKeep is the status of an account that signs in without naming one.
func (m *member) statusToKeep() rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		return rookery.StatusOnline
	}
	return m.status
}

func (m *member) isGone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone
}
