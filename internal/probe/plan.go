package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A Plan is what a study would do. Its figures are those of a study of a server
// that says yes to everything: an interesting one takes more, up to the budget.
type Plan struct {
	Name    string   `json:"name"` // what is studied
	Servers []string `json:"servers"`
	// Reset and Clock say how experiments begin anew, and what time means.
	Reset string `json:"reset"`
	Clock string `json:"clock"`
	// Accounts are those that it acts as.
	Accounts []Player `json:"accounts"`
	Places   []string `json:"places"`          // that it asks from, "" for any
	Hosts    []string `json:"hosts,omitempty"` // beyond this machine, that may be asked with --remote
	// Destructive are the commands that the file calls so; Allowed says whether they
	// are sent.
	Destructive []string `json:"destructive,omitempty"`
	Allowed     bool     `json:"destructive_allowed"`
	Budget      int      `json:"budget"` // requests to each server
	Rate        float64  `json:"rate"`   // requests a second, 0 for no limit
	Least       int      `json:"least"`  // requests without which it does not begin
	Phases      []Phase  `json:"phases"`
	Requests    int      `json:"requests"` // in all, to each server
	Seconds     float64  `json:"seconds"`
	Waits       float64  `json:"waits"`           // seconds of them that real waits take
	Most        float64  `json:"most"`            // seconds with the whole budget
	Limit       float64  `json:"limit,omitempty"` // seconds after which it ends, 0 for none
}

// A Player is an account with its role.
type Player struct {
	Role    string `json:"role"`
	Account string `json:"account"`
}

// A Phase is a part of a plan.
type Phase struct {
	Name     string  `json:"name"`
	Does     string  `json:"does"`
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	Waits    float64 `json:"waits"`
}

// does says what the parts of a study do, each in a line.
var does = map[string]string{
	opening:              "looks whether nobody uses the accounts, and logs them in",
	"acquaintance":       "sends each command as the file has it, with a session and without, and twice",
	"scenarios":          "takes the steps that the file wants to have tried, and compares their answers",
	"breadth":            "tries each key of each command in the ways that tell most",
	"sessions":           "finds out who counts as logged in after what, and from where",
	"messages":           "sends messages, and looks when, where and how often they arrive",
	"presence":           "changes statuses, and looks who sees which",
	"friendship":         "asks for friendships, accepts, rejects and ends them",
	"paging":             "reads lists page by page, with all kinds of sizes and cursors",
	"marks":              "sends requests again, with the same mark and with others",
	"near values":        "sends proofs, marks, numbers and texts that are nearly the right ones",
	"look, change, look": "makes each change between two looks of everybody who can see it",
	"counts":             "sends many messages before any is collected, and the same request many times",
	"time across":        "makes each change, moves the clock by a day, and looks what is left",
	"timers":             "waits, to bracket how long sessions live, and what refreshes them",
	"encoding":           "sends texts with all kinds of bytes, escapes and charsets",
	"transport":          "sends requests in other forms of HTTP",
	"parameters":         "leaves out, doubles, moves, respells and varies each key of each command",
	"hidden keys":        "tries keys that the file does not name, many at once",
	"state machines":     "learns the machines behind sessions, messages and friendships",
	"session machine":    "learns the machine behind sessions",
	"confirmation":       "makes the experiments behind facts again, and disturbs them",
}

// roughRate is how many requests a second a server on loopback answers where
// nothing else limits them.
const roughRate = 1000

// NewPlan says what a study of o would do. It sends nothing.
func NewPlan(ctx context.Context, o Options) (*Plan, error) {
	command := "run"
	if len(o.Servers) == 2 {
		command = "diff"
	}
	h := o.head(command)
	f := o.Experiment.File
	p := &Plan{
		Name: f.Name, Servers: o.Servers, Reset: string(f.Reset.Kind), Clock: "real",
		Places: f.Places, Hosts: f.Allow.Hosts, Allowed: f.Allow.Destructive, Budget: o.Requests, Rate: f.Limits.Rate,
	}
	if f.Reset.URL != "" {
		p.Reset = f.Reset.URL
	}
	if f.Clock.URL != "" {
		p.Clock = f.Clock.URL
	}
	for _, a := range f.Accounts {
		p.Accounts = append(p.Accounts, Player{a.Role, a.Number})
	}
	for _, c := range f.Commands {
		if c.Destructive {
			p.Destructive = append(p.Destructive, c.Name)
		}
	}
	var err error
	if p.Least, err = suffices(ctx, o.Experiment, h); err != nil {
		return nil, err
	}
	// Hosts are checked as they are when it is meant.
	s, err := newSession(h, o.Experiment, labConfig{remote: o.Remote}, nil)
	if err != nil {
		return nil, err
	}
	s.close()
	return p, p.rehearse(ctx, o.Experiment, h)
}

// rehearse makes the study on fake servers.
func (p *Plan) rehearse(ctx context.Context, e *Experiment, h journal.Head) error {
	marks, err := rehearse(ctx, e, h)
	if err != nil {
		return err
	}
	rate := e.File.Limits.Rate
	if rate == 0 {
		rate = roughRate
	}
	for i, m := range marks[:len(marks)-1] {
		next := marks[i+1]
		phase := Phase{Name: m.phase, Does: does[m.phase], Requests: next.sent - m.sent}
		phase.Waits = float64(len(h.Servers)) * (next.waited - m.waited).Seconds()
		phase.Seconds = float64(phase.Requests*len(h.Servers))/rate + phase.Waits
		p.Phases = append(p.Phases, phase)
		p.Requests += phase.Requests
		p.Seconds += phase.Seconds
		p.Waits += phase.Waits
	}
	p.Most = float64(p.Budget*len(h.Servers))/rate + p.Waits
	p.Limit = e.File.Limits.Time.Seconds()
	return nil
}

// A mark is how far a rehearsal had got when a phase began.
type progressSample struct {
	phase  string
	sent   int
	waited time.Duration
}

// opening is what goes before all phases.
const opening = "introduction"

// rehearse makes a study on fake servers, and returns where its phases begin
// and, without a name, where it ends.
func rehearse(ctx context.Context, e *Experiment, h journal.Head) ([]progressSample, error) {
	var first *offlineServer
	s, err := newSession(h, e, labConfig{remote: true, instead: func() lab.Server {
		p := newFake(e.File)
		if first == nil {
			first = p
		}
		return p
	}}, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var marks []progressSample
	s.begins = func(phase string) { marks = append(marks, progressSample{phase, s.labs[0].Sent(), first.waited}) }
	s.begins(opening)
	if err := s.introduce(ctx); err != nil {
		return nil, err
	}
	if _, err := s.study(ctx); err != nil {
		return nil, err
	}
	s.begins("")
	return marks, nil
}

// plenty is a budget that is enough for every acquaintance.
const plenty = 1 << 20

// least is how many requests it takes to get to know the server: without that
// nothing can be found out.
func least(ctx context.Context, e *Experiment, h journal.Head) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h.Requests = plenty
	s, err := newSession(h, e, labConfig{remote: true, instead: func() lab.Server { return newFake(e.File) }}, nil)
	if err != nil {
		return 0, err
	}
	defer s.close()
	phases, sent := 0, 0
	s.begins = func(string) {
		if phases++; phases == 2 {
			sent = s.labs[0].Sent()
			cancel()
		}
	}
	if err := s.introduce(ctx); err != nil {
		return 0, err
	}
	_, err = s.study(ctx)
	return sent + lab.Farewell(e.File), err
}

// forDifferences is how many times an acquaintance a comparison takes at least. With less,
// hardly anything is asked but the base requests, and no difference says nothing.
const forDifferences = 5

// suffices refuses a budget with which nothing can be found out, and returns what would suffice.
func suffices(ctx context.Context, e *Experiment, h journal.Head) (need int, err error) {
	if need, err = least(ctx, e, h); err != nil {
		return 0, err
	}
	what := fmt.Sprintf("to get to know the %d commands", len(e.File.Commands))
	if len(h.Servers) > 1 {
		need, what = forDifferences*need, "to tell whether two servers differ"
	}
	if h.Requests < need {
		return 0, refuse("a budget of %d requests cannot suffice: %s takes %d; give more with --budget", h.Requests, what, need)
	}
	return need, nil
}
