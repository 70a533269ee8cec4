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
func (s *Service) SetStatus(ctx context.Context, session *Session, status rookery.Status, mark rookery.RequestKey) error {
	active := session.member
	if err := active.turn.take(ctx); err != nil {
		return err
	}
	defer active.turn.end()
	if active.current(session) == nil {
		return errNotSignedIn
	}
	receipt, err := s.store.SetStatus(ctx, active.uin, status, mark)
	if err != nil || receipt.Repeated {
		return err
	}
	before := active.shown()
	active.setStatus(status)
	s.announce(ctx, active, before)
	return nil
}

// announce tells the friends of a member, whose turn it is, what it shows if
// that is something else than before. Only those who are signed in hear of it;
// nothing of it is stored.
func (s *Service) announce(ctx context.Context, active *activeAccount, before rookery.Status) {
	after := active.shown()
	if after == before {
		return
	}
	friends, err := s.friends(ctx, active)
	if err != nil {
		s.log.Warn("friends were not told of a changed status", "account", active.uin, "error", err)
		return
	}
	for _, uin := range friends {
		if friend := s.members.get(uin); friend != nil {
			friend.hear(Notice{active.uin, after}, after.Basic() != before.Basic())
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
func (m *activeAccount) hear(notice Notice, basic bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, session := range m.sessions {
		session.box.hear(notice, basic)
	}
}

// hear is called with the member's mu held.
func (c *consumer) hear(notice Notice, basic bool) {
	i := slices.IndexFunc(c.news, func(w pendingNotice) bool { return w.Friend == notice.Friend })
	feed := c.liveFeed()
	switch {
	case i >= 0:
		c.news[i] = pendingNotice{notice, basic || c.news[i].basic}
	case basic || feed != nil:
		c.news = append(c.news, pendingNotice{notice, basic})
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
	for _, pendingNotice := range c.news {
		if pendingNotice.basic {
			list = append(list, Notice{pendingNotice.Friend, pendingNotice.Status.Basic()})
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
	notice := c.news[0].Notice
	c.news = slices.Delete(c.news, 0, 1)
	c.shrink()
	return notice, true
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
	for _, consumer := range m.collectors {
		consumer.news = slices.DeleteFunc(consumer.news, func(w pendingNotice) bool { return w.Friend == friend })
		consumer.shrink()
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
