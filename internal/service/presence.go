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
func (s *Service) SetStatus(ctx context.Context, se *Session, status rookery.Status, mark rookery.RequestKey) error {
	m := se.member
	if err := m.turn.take(ctx); err != nil {
		return err
	}
	defer m.turn.end()
	if m.current(se) == nil {
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
func (s *Service) announce(ctx context.Context, m *activeAccount, before rookery.Status) {
	after := m.shown()
	if after == before {
		return
	}
	friends, err := s.friends(ctx, m)
	if err != nil {
		s.log.Warn("friends were not told of a changed status", "account", m.uin, "error", err)
		return
	}
	for _, uin := range friends {
		if friend := s.members.get(uin); friend != nil {
			friend.hear(Notice{m.uin, after}, after.Basic() != before.Basic())
		}
	}
}

// pendingNotice is a notice that waits for a session. The latest of a friend counts.
type pendingNotice struct {
	Notice
	// basic: it is something else even for those who know the basic statuses
	// only, as polls do; else it waits for a feed.
	basic bool
}

// hear takes a notice for each session of the member.
func (m *activeAccount) hear(n Notice, basic bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, se := range m.sessions {
		se.box.hear(n, basic)
	}
}

// hear is called with the member's mu held.
func (c *consumer) hear(n Notice, basic bool) {
	i := slices.IndexFunc(c.news, func(w pendingNotice) bool { return w.Friend == n.Friend })
	feed := c.liveFeed()
	switch {
	case i >= 0:
		c.news[i] = pendingNotice{n, basic || c.news[i].basic}
	case basic || feed != nil:
		c.news = append(c.news, pendingNotice{n, basic})
	}
	if feed != nil {
		feed.wake()
	}
}

// pending lists the notices that wait for a poll, by friend, as polls show
// them.
func (c *consumer) pending() []Notice {
	c.member.mu.Lock()
	defer c.member.mu.Unlock()
	var list []Notice
	for _, w := range c.news {
		if w.basic {
			list = append(list, Notice{w.Friend, w.Status.Basic()})
		}
	}
	slices.SortFunc(list, func(a, b Notice) int { return cmp.Compare(a.Friend, b.Friend) })
	return list
}

// handedOut takes notices away that a poll got, but for those that newer ones
// replaced.
func (c *consumer) handedOut(list []Notice) {
	if len(list) == 0 {
		return
	}
	c.member.mu.Lock()
	defer c.member.mu.Unlock()
	c.news = slices.DeleteFunc(c.news, func(w pendingNotice) bool {
		return slices.Contains(list, Notice{w.Friend, w.Status.Basic()})
	})
	c.shrink()
}

// takeNews takes the notice away that has waited longest.
func (c *consumer) takeNews() (Notice, bool) {
	c.member.mu.Lock()
	defer c.member.mu.Unlock()
	if len(c.news) == 0 {
		return Notice{}, false
	}
	n := c.news[0].Notice
	c.news = slices.Delete(c.news, 0, 1)
	c.shrink()
	return n, true
}

func (c *consumer) hasNews() bool {
	c.member.mu.Lock()
	defer c.member.mu.Unlock()
	return len(c.news) > 0
}

// shrink gives back what no notice needs: most of the time none waits.
func (c *consumer) shrink() {
	if len(c.news) == 0 {
		c.news = nil
	}
}

// forgetNews takes back what waits of a friend.
func (m *activeAccount) forgetNews(friend rookery.UIN) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.collectors {
		c.news = slices.DeleteFunc(c.news, func(w pendingNotice) bool { return w.Friend == friend })
		c.shrink()
	}
}

func (m *activeAccount) setStatus(status rookery.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = status
}

// statusToKeep is the status of an account that signs in without naming one.
func (m *activeAccount) statusToKeep() rookery.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.sessions) == 0 {
		return rookery.StatusOnline
	}
	return m.status
}

func (m *activeAccount) isGone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone
}
