package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

// A pretended server says yes to everybody who is logged in. By it one can tell
// what a study will ask, about, without asking anybody.
type pretended struct {
	file  *experiment.File
	since map[string]time.Duration // when accounts that are logged in were last heard of
	now   time.Duration
	// waited is the time that was waited in all, where waiting takes time.
	waited time.Duration
}

// pretendedTimeout is how long its sessions live.
const pretendedTimeout = 5 * time.Minute

func newPretended(f *experiment.File) *pretended {
	return &pretended{file: f, since: make(map[string]time.Duration)}
}

func (p *pretended) Begin() { p.since = make(map[string]time.Duration) }

func (p *pretended) Wait(d time.Duration) {
	p.now += d
	if p.file.Clock.URL == "" {
		p.waited += d
	}
}

func (p *pretended) Answer(s experiment.Step, account string, record []byte) []byte {
	c, ok := p.file.Command(s.Command)
	if !ok {
		return nil
	}
	heard, in := p.since[account]
	in = in && p.now-heard < pretendedTimeout
	fields := p.echo(c, record)
	if code := p.file.Answer.Code; code != "" {
		fields = append(fields, experiment.Pair{Key: code, Value: p.code(c, in)})
	}
	if in || !c.Session {
		fields = append(fields, c.Done...)
		fields = append(fields, p.friends(s)...)
		p.since[account] = p.now
	}
	if p.file.VerbOf(s) == experiment.Logout {
		delete(p.since, account)
	}
	if len(fields) == 0 {
		fields = []experiment.Pair{{Key: "answer", Value: "?"}}
	}
	body := p.file.Encode(fields)
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", p.file.Syntax.Type, len(body), body)
}

// echo is the mark of a request, as it was sent.
func (p *pretended) echo(c *experiment.Command, record []byte) (fields []experiment.Pair) {
	sent, _ := p.file.Syntax.Decode(record)
	for _, pair := range sent {
		if t := p.file.TypeOf(c, pair.Key).Type; t == experiment.Mark || t == experiment.Name {
			fields = append(fields, pair)
		}
	}
	return fields
}

func (p *pretended) code(c *experiment.Command, in bool) string {
	list := p.file.Answer.Done
	if c.Session && !in {
		list = p.file.Answer.NotLoggedIn
	}
	if len(list) == 0 {
		return "?"
	}
	return list[0]
}

// friends is the list of friends, where it is asked for.
func (p *pretended) friends(s experiment.Step) []experiment.Pair {
	if p.file.VerbOf(s) != experiment.Friends {
		return nil
	}
	var list strings.Builder
	for _, pair := range p.file.Friends {
		if at := slices.Index(pair[:], s.Role); at >= 0 {
			a, _ := p.file.Account(pair[1-at])
			list.WriteString(a.Number + p.file.Syntax.List)
		}
	}
	return []experiment.Pair{{Key: "friends", Value: list.String()}}
}
