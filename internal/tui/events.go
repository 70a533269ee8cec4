package tui

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/rookery-im/rookery/client"
)

// clientEvent takes over what the messenger tells.
func (a *App) happened(e client.Event) tea.Cmd {
	switch e := e.(type) {
	case client.Message:
		return a.received(e)
	case client.Presence:
		a.people.of(e.Friend).status = e.Status
	case client.ReadMark:
		t := a.talk(e.With)
		t.readOutside(e.Number)
	case client.State:
		was := a.link
		a.link = e
		if e.Connected {
			return a.resumed()
		}
		if was.Connected || was.Retry.IsZero() {
			return a.tick()
		}
	}
	return nil
}

// resumed asks for what was not told while there was no connection; that it was
// lost need not have been told either. What was read here is said again.
func (a *App) resumed() tea.Cmd {
	return tea.Batch(a.refresh(), a.recent(), a.readElsewhere(), a.seen())
}

// received takes a message over.
func (a *App) received(m client.Message) tea.Cmd {
	t := a.talk(m.Peer)
	if m.Time.IsZero() {
		m.Time = a.now()
	}
	before := t.length(a)
	if t.own && t.known(m) || !t.add(m) {
		return nil
	}
	if t.offset > 0 {
		t.offset += t.length(a) - before // what is being read stays where it is
	}
	cmds := []tea.Cmd{a.who(m.Peer)}
	switch m.Kind {
	case client.KindAsks:
		a.requests[m.Peer] = client.Request{From: m.Peer, Words: m.Text, Time: m.Time}
		if a.device { // it may have been answered on another one before this one heard of it
			cmds = append(cmds, ask(a, a.m.Requests, a.asked))
		}
	case client.KindAdded, client.KindAccepted:
		delete(a.requests, m.Peer)
		cmds = append(cmds, a.refresh())
	}
	if m.Kind != client.KindSent && !a.reading(t) {
		cmds = append(cmds, a.ring())
	}
	if !t.asked {
		cmds = append(cmds, a.load(t))
	}
	return tea.Batch(append(cmds, a.seen())...)
}

// quiet is how long the bell is silent after it rang: many messages at once are
// one reason to look up.
const quiet = 2 * time.Second

// ring rings the terminal's bell, unless it has been turned off.
func (a *App) ring() tea.Cmd {
	if now := a.now(); a.bell && now.Sub(a.rang) >= quiet {
		a.rang = now
		return tea.Raw("\a")
	}
	return nil
}

// friends asks who they are.
func (a *App) friends() tea.Cmd {
	return ask(a, a.m.Friends, func(friends []client.Friend, err error) tea.Cmd {
		if err != nil {
			a.complain(err)
			return nil
		}
		a.people.befriended(friends)
		return nil
	})
}

// refresh asks for the lists that are only told in part by events.
func (a *App) refresh() tea.Cmd {
	cmds := []tea.Cmd{a.friends()}
	if a.device {
		cmds = append(cmds, ask(a, a.m.Requests, a.asked), ask(a, a.m.Blocked, a.blockedThem))
	}
	return tea.Batch(cmds...)
}

func (a *App) asked(requests []client.Request, err error) tea.Cmd {
	if err != nil {
		a.complain(err)
		return nil
	}
	var cmds []tea.Cmd
	for from := range a.requests {
		if !slices.ContainsFunc(requests, func(r client.Request) bool { return r.From == from }) {
			cmds = []tea.Cmd{a.friends()} // answered elsewhere, with a new friend perhaps
		}
	}
	clear(a.requests)
	for _, r := range requests {
		a.requests[r.From] = r
		cmds = append(cmds, a.who(r.From))
	}
	return tea.Batch(cmds...)
}

func (a *App) blockedThem(all []client.UIN, err error) tea.Cmd {
	if err != nil {
		a.complain(err)
		return nil
	}
	for uin, p := range a.people {
		p.blocked = slices.Contains(all, uin)
	}
	var cmds []tea.Cmd
	for _, uin := range all {
		a.people.of(uin).blocked = true
		cmds = append(cmds, a.who(uin))
	}
	return tea.Batch(cmds...)
}

// How much is looked through at the start for conversations with unread words.
const (
	recentMessages = 200
	recentTalks    = 20
)

// recent loads the conversations that went on last.
func (a *App) recent() tea.Cmd {
	if !a.device {
		return nil
	}
	query := client.HistoryQuery{Limit: recentMessages}
	return ask(a, func(ctx context.Context) (client.History, error) { return a.m.History(ctx, query) },
		func(h client.History, err error) tea.Cmd {
			if err != nil {
				a.complain(err)
				return nil
			}
			var cmds []tea.Cmd
			for _, m := range slices.Backward(h.Messages) {
				if t := a.talk(m.Peer); !t.asked && len(cmds) < 2*recentTalks {
					cmds = append(cmds, a.load(t), a.who(m.Peer))
				}
			}
			return tea.Batch(cmds...)
		})
}

// who asks who an account is, unless that is known.
func (a *App) who(uin client.UIN) tea.Cmd {
	p := a.people.of(uin)
	if p.asked || p.nick != "" {
		return nil
	}
	p.asked = true
	return ask(a, func(ctx context.Context) (client.Info, error) { return a.m.Info(ctx, uin) },
		func(info client.Info, err error) tea.Cmd {
			switch {
			case errors.Is(err, client.ErrNoAccount): // its number says all there is
			case err != nil:
				p.asked = false // another time
			case uin == a.m.UIN():
				a.nick = cleanLine(info.Nick)
				p.nick = a.nick
			default:
				p.nick = cleanLine(info.Nick)
			}
			return nil
		})
}

// reasons are the kinds of errors that the messenger tells apart.
var reasons = []struct {
	err  error
	word translation
}{
	{client.ErrNotLoggedIn, wErrNotLoggedIn}, {client.ErrPassword, wErrPassword}, {client.ErrNoAccount, wErrNoAccount},
	{client.ErrRefused, wErrRefused}, {client.ErrParameter, wErrParameter}, {client.ErrTemporary, wErrTemporary},
	{context.DeadlineExceeded, wErrTimeout},
}

// why says in the user's words why something failed, and then the server's
// reason or the system's.
func (a *App) why(err error) string {
	var away *client.Unreachable
	if errors.As(err, &away) && len(away.Tried) > 1 {
		var tried []string
		for _, t := range away.Tried {
			_, host, _ := strings.Cut(t.Address, "@")
			tried = append(tried, cleanLine(host)+": "+a.why(t.Err))
		}
		return strings.Join(slices.Compact(tried), "; ")
	}
	reason := err.Error()
	var refused *client.Error
	if errors.As(err, &refused) {
		reason = refused.Explanation()
	}
	for _, r := range reasons {
		if !errors.Is(err, r.err) {
			continue
		}
		if _, rest, found := strings.Cut(reason, r.err.Error()); found {
			reason = rest // what stands before is said in the user's language
		}
		reason = strings.TrimPrefix(cleanLine(reason), ": ")
		switch short := a.lang.say(r.word); {
		case reason == "":
			return short
		case refused == nil && r.err == client.ErrTemporary:
			var system syscall.Errno // says it without the address, which is said elsewhere
			if errors.As(err, &system) {
				return system.Error()
			}
			return reason // it is about the connection, and says so
		default:
			return short + ": " + reason
		}
	}
	return cleanLine(reason)
}
