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
	Accounts []PlannedAccount `json:"accounts"`
	Places   []string         `json:"places"`          // that it asks from, "" for any
	Hosts    []string         `json:"hosts,omitempty"` // beyond this machine, that may be asked with --remote
	// Destructive are the commands that the file calls so; Allowed says whether they
	// are sent.
	Destructive        []string       `json:"destructive,omitempty"`
	DestructiveAllowed bool           `json:"destructive_allowed"`
	Budget             int            `json:"budget"` // requests to each server
	Rate               float64        `json:"rate"`   // requests a second, 0 for no limit
	MinRequests        int            `json:"least"`  // requests without which it does not begin
	Phases             []PlannedPhase `json:"phases"`
	Requests           int            `json:"requests"` // in all, to each server
	Seconds            float64        `json:"seconds"`
	WaitSeconds        float64        `json:"waits"`           // seconds of them that real waits take
	MaxSeconds         float64        `json:"most"`            // seconds with the whole budget
	TimeLimit          float64        `json:"limit,omitempty"` // seconds after which it ends, 0 for none
}

// A Player is an account with its role.
type PlannedAccount struct {
	Role    string `json:"role"`
	Account string `json:"account"`
}

// A Phase is a part of a plan.
type PlannedPhase struct {
	Name        string  `json:"name"`
	Description string  `json:"does"`
	Requests    int     `json:"requests"`
	Seconds     float64 `json:"seconds"`
	WaitSeconds float64 `json:"waits"`
}

// does says what the parts of a study do, each in a line.
var phaseDescriptions = map[string]string{
	introductionPhase:    "looks whether nobody uses the accounts, and logs them in",
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
const loopbackRate = 1000

// NewPlan says what a study of o would do. It sends nothing.
func NewPlan(ctx context.Context, options Options) (*Plan, error) {
	command := "run"
	if len(options.ServerURLs) == 2 {
		command = "diff"
	}
	head := options.transcriptHead(command)
	file := options.Experiment.File
	plan := &Plan{
		Name: file.Name, Servers: options.ServerURLs, Reset: string(file.Reset.Kind), Clock: "real",
		Places: file.Places, Hosts: file.Allow.Hosts, DestructiveAllowed: file.Allow.Destructive, Budget: options.RequestBudget, Rate: file.Limits.RequestRate,
	}
	if file.Reset.URL != "" {
		plan.Reset = file.Reset.URL
	}
	if file.Clock.URL != "" {
		plan.Clock = file.Clock.URL
	}
	for _, account := range file.Accounts {
		plan.Accounts = append(plan.Accounts, PlannedAccount{account.Role, account.Number})
	}
	for _, command := range file.Commands {
		if command.Destructive {
			plan.Destructive = append(plan.Destructive, command.Name)
		}
	}
	var err error
	if plan.MinRequests, err = checkBudget(ctx, options.Experiment, head); err != nil {
		return nil, err
	}
	// Hosts are checked as they are when it is meant.
	session, err := newSession(head, options.Experiment, labConfig{allowRemote: options.AllowRemote}, nil)
	if err != nil {
		return nil, err
	}
	session.close()
	return plan, plan.addPhases(ctx, options.Experiment, head)
}

// addPhases makes the study on fake servers.
func (p *Plan) addPhases(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) error {
	starts, err := rehearseStudy(ctx, experiment, head)
	if err != nil {
		return err
	}
	rate := experiment.File.Limits.RequestRate
	if rate == 0 {
		rate = loopbackRate
	}
	for i, start := range starts[:len(starts)-1] {
		next := starts[i+1]
		phase := PlannedPhase{Name: start.phase, Description: phaseDescriptions[start.phase], Requests: next.sent - start.sent}
		phase.WaitSeconds = float64(len(head.ServerURLs)) * (next.waited - start.waited).Seconds()
		phase.Seconds = float64(phase.Requests*len(head.ServerURLs))/rate + phase.WaitSeconds
		p.Phases = append(p.Phases, phase)
		p.Requests += phase.Requests
		p.Seconds += phase.Seconds
		p.WaitSeconds += phase.WaitSeconds
	}
	p.MaxSeconds = float64(p.Budget*len(head.ServerURLs))/rate + p.WaitSeconds
	p.TimeLimit = experiment.File.Limits.TotalTime.Seconds()
	return nil
}

// A mark is how far a rehearsal had got when a phase began.
type phaseStart struct {
	phase  string
	sent   int
	waited time.Duration
}

// opening is what goes before all phases.
const introductionPhase = "introduction"

// rehearseStudy makes a study on fake servers, and returns where its phases begin
// and, without a name, where it ends.
func rehearseStudy(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) ([]phaseStart, error) {
	var first *offlineServer
	session, err := newSession(head, experiment, labConfig{allowRemote: true, newServer: func() lab.Simulator {
		server := newOfflineServer(experiment.File)
		if first == nil {
			first = server
		}
		return server
	}}, nil)
	if err != nil {
		return nil, err
	}
	defer session.close()
	var starts []phaseStart
	session.onPhase = func(phase string) {
		starts = append(starts, phaseStart{phase, session.labs[0].Sent(), first.waitedTotal})
	}
	session.onPhase(introductionPhase)
	if err := session.checkServers(ctx); err != nil {
		return nil, err
	}
	if _, err := session.runStudy(ctx); err != nil {
		return nil, err
	}
	session.onPhase("")
	return starts, nil
}

// plenty is a budget that is enough for every acquaintance.
const ampleRequests = 1 << 20

// minRequests is how many requests it takes to get to know the server: without that
// nothing can be found out.
func minRequests(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	head.RequestBudget = ampleRequests
	session, err := newSession(head, experiment, labConfig{allowRemote: true, newServer: func() lab.Simulator { return newOfflineServer(experiment.File) }}, nil)
	if err != nil {
		return 0, err
	}
	defer session.close()
	phases, sent := 0, 0
	session.onPhase = func(string) {
		if phases++; phases == 2 {
			sent = session.labs[0].Sent()
			cancel()
		}
	}
	if err := session.checkServers(ctx); err != nil {
		return 0, err
	}
	_, err = session.runStudy(ctx)
	return sent + lab.CleanupRequests(experiment.File), err
}

// forDifferences is how many times an acquaintance a comparison takes at least. With less,
// hardly anything is asked but the base requests, and no difference says nothing.
const comparisonFactor = 5

// checkBudget refuses a budget with which nothing can be found out, and returns what would suffice.
func checkBudget(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) (minimum int, err error) {
	if minimum, err = minRequests(ctx, experiment, head); err != nil {
		return 0, err
	}
	what := fmt.Sprintf("to get to know the %d commands", len(experiment.File.Commands))
	if len(head.ServerURLs) > 1 {
		minimum, what = comparisonFactor*minimum, "to tell whether two servers differ"
	}
	if head.RequestBudget < minimum {
		return 0, setupErrorf("a budget of %d requests cannot suffice: %s takes %d; give more with --budget", head.RequestBudget, what, minimum)
	}
	return minimum, nil
}
