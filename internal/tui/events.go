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
func (a *App) happened(event client.Event) tea.Cmd {
	switch e := event.(type) {
	case client.Message:
		return a.received(e)
	case client.Presence:
		a.people.of(e.Friend).status = e.Status
	case client.ReadMark:
		talk := a.talk(e.With)
		talk.readOutside(e.Number)
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
func (a *App) received(message client.Message) tea.Cmd {
	talk := a.talk(message.Peer)
	if message.Time.IsZero() {
		message.Time = a.now()
	}
	before := talk.length(a)
	if talk.own && talk.known(message) || !talk.add(message) {
		return nil
	}
	if talk.offset > 0 {
		talk.offset += talk.length(a) - before // what is being read stays where it is
	}
	cmds := []tea.Cmd{a.who(message.Peer)}
	switch message.Kind {
	case client.KindAsks:
		a.requests[message.Peer] = client.Request{From: message.Peer, Words: message.Text, Time: message.Time}
		if a.device { // it may have been answered on another one before this one heard of it
			cmds = append(cmds, ask(a, a.m.Requests, a.asked))
		}
	case client.KindAdded, client.KindAccepted:
		delete(a.requests, message.Peer)
		cmds = append(cmds, a.refresh())
	}
	if message.Kind != client.KindSent && !a.reading(talk) {
		cmds = append(cmds, a.ring())
	}
	if !talk.asked {
		cmds = append(cmds, a.load(talk))
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
		if !slices.ContainsFunc(requests, func(request client.Request) bool { return request.From == from }) {
			cmds = []tea.Cmd{a.friends()} // answered elsewhere, with a new friend perhaps
		}
	}
	clear(a.requests)
	for _, request := range requests {
		a.requests[request.From] = request
		cmds = append(cmds, a.who(request.From))
	}
	return tea.Batch(cmds...)
}

func (a *App) blockedThem(all []client.UIN, err error) tea.Cmd {
	if err != nil {
		a.complain(err)
		return nil
	}
	for uin, person := range a.people {
		person.blocked = slices.Contains(all, uin)
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
		func(history client.History, err error) tea.Cmd {
			if err != nil {
				a.complain(err)
				return nil
			}
			var cmds []tea.Cmd
			for _, message := range slices.Backward(history.Messages) {
				if talk := a.talk(message.Peer); !talk.asked && len(cmds) < 2*recentTalks {
					cmds = append(cmds, a.load(talk), a.who(message.Peer))
				}
			}
			return tea.Batch(cmds...)
		})
}

// who asks who an account is, unless that is known.
func (a *App) who(uin client.UIN) tea.Cmd {
	person := a.people.of(uin)
	if person.asked || person.nick != "" {
		return nil
	}
	person.asked = true
	return ask(a, func(ctx context.Context) (client.Info, error) { return a.m.Info(ctx, uin) },
		func(info client.Info, err error) tea.Cmd {
			switch {
			case errors.Is(err, client.ErrNoAccount): // its number says all there is
			case err != nil:
				person.asked = false // another time
			case uin == a.m.UIN():
				a.nick = cleanLine(info.Nick)
				person.nick = a.nick
			default:
				person.nick = cleanLine(info.Nick)
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
		for _, attempt := range away.Tried {
			_, host, _ := strings.Cut(attempt.Address, "@")
			tried = append(tried, cleanLine(host)+": "+a.why(attempt.Err))
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
