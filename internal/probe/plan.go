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
func NewPlan(ctx context.Context, options Options) (*Plan, error) {
	command := "run"
	if len(options.Servers) == 2 {
		command = "diff"
	}
	head := options.head(command)
	file := options.Experiment.File
	plan := &Plan{
		Name: file.Name, Servers: options.Servers, Reset: string(file.Reset.Kind), Clock: "real",
		Places: file.Places, Hosts: file.Allow.Hosts, Allowed: file.Allow.Destructive, Budget: options.Requests, Rate: file.Limits.RequestRate,
	}
	if file.Reset.URL != "" {
		plan.Reset = file.Reset.URL
	}
	if file.Clock.URL != "" {
		plan.Clock = file.Clock.URL
	}
	for _, account := range file.Accounts {
		plan.Accounts = append(plan.Accounts, Player{account.Role, account.Number})
	}
	for _, command := range file.Commands {
		if command.Destructive {
			plan.Destructive = append(plan.Destructive, command.Name)
		}
	}
	var err error
	if plan.Least, err = suffices(ctx, options.Experiment, head); err != nil {
		return nil, err
	}
	// Hosts are checked as they are when it is meant.
	probeSession, err := newSession(head, options.Experiment, labConfig{remote: options.Remote}, nil)
	if err != nil {
		return nil, err
	}
	probeSession.close()
	return plan, plan.rehearse(ctx, options.Experiment, head)
}

// rehearse makes the study on fake servers.
func (p *Plan) rehearse(ctx context.Context, experiment *Experiment, head journal.TranscriptHead) error {
	marks, err := rehearse(ctx, experiment, head)
	if err != nil {
		return err
	}
	rate := experiment.File.Limits.RequestRate
	if rate == 0 {
		rate = roughRate
	}
	for i, progressSample := range marks[:len(marks)-1] {
		next := marks[i+1]
		phase := Phase{Name: progressSample.phase, Does: does[progressSample.phase], Requests: next.sent - progressSample.sent}
		phase.Waits = float64(len(head.ServerURLs)) * (next.waited - progressSample.waited).Seconds()
		phase.Seconds = float64(phase.Requests*len(head.ServerURLs))/rate + phase.Waits
		p.Phases = append(p.Phases, phase)
		p.Requests += phase.Requests
		p.Seconds += phase.Seconds
		p.Waits += phase.Waits
	}
	p.Most = float64(p.Budget*len(head.ServerURLs))/rate + p.Waits
	p.Limit = experiment.File.Limits.TotalTime.Seconds()
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
func rehearse(ctx context.Context, experiment *Experiment, head journal.TranscriptHead) ([]progressSample, error) {
	var first *offlineServer
	probeSession, err := newSession(head, experiment, labConfig{remote: true, instead: func() lab.Server {
		offlineServer := newFake(experiment.File)
		if first == nil {
			first = offlineServer
		}
		return offlineServer
	}}, nil)
	if err != nil {
		return nil, err
	}
	defer probeSession.close()
	var marks []progressSample
	probeSession.begins = func(phase string) {
		marks = append(marks, progressSample{phase, probeSession.labs[0].Sent(), first.waited})
	}
	probeSession.begins(opening)
	if err := probeSession.introduce(ctx); err != nil {
		return nil, err
	}
	if _, err := probeSession.study(ctx); err != nil {
		return nil, err
	}
	probeSession.begins("")
	return marks, nil
}

// plenty is a budget that is enough for every acquaintance.
const plenty = 1 << 20

// least is how many requests it takes to get to know the server: without that
// nothing can be found out.
func least(ctx context.Context, experiment *Experiment, head journal.TranscriptHead) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	head.RequestBudget = plenty
	probeSession, err := newSession(head, experiment, labConfig{remote: true, instead: func() lab.Server { return newFake(experiment.File) }}, nil)
	if err != nil {
		return 0, err
	}
	defer probeSession.close()
	phases, sent := 0, 0
	probeSession.begins = func(string) {
		if phases++; phases == 2 {
			sent = probeSession.labs[0].Sent()
			cancel()
		}
	}
	if err := probeSession.introduce(ctx); err != nil {
		return 0, err
	}
	_, err = probeSession.study(ctx)
	return sent + lab.Farewell(experiment.File), err
}

// forDifferences is how many times an acquaintance a comparison takes at least. With less,
// hardly anything is asked but the base requests, and no difference says nothing.
const forDifferences = 5

// suffices refuses a budget with which nothing can be found out, and returns what would suffice.
func suffices(ctx context.Context, experiment *Experiment, head journal.TranscriptHead) (need int, err error) {
	if need, err = least(ctx, experiment, head); err != nil {
		return 0, err
	}
	what := fmt.Sprintf("to get to know the %d commands", len(experiment.File.Commands))
	if len(head.ServerURLs) > 1 {
		need, what = forDifferences*need, "to tell whether two servers differ"
	}
	if head.RequestBudget < need {
		return 0, refuse("a budget of %d requests cannot suffice: %s takes %d; give more with --budget", head.RequestBudget, what, need)
	}
	return need, nil
}
