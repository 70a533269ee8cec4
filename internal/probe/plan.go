package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/rookery-im/rookery/internal/probe/journal"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// Plan describes what a study will do. Its figures assume a server that accepts every
// request. A real study may need more requests, up to the budget.
type Plan struct {
	Name    string   `json:"name"` // name in the experiment file
	Servers []string `json:"servers"`
	// Reset says how experiments are reset. Clock is "real" or a control URL.
	Reset string `json:"reset"`
	Clock string `json:"clock"`
	// Accounts are the accounts that the study uses.
	Accounts []PlannedAccount `json:"accounts"`
	Places   []string         `json:"places"`          // client addresses, "" for any
	Hosts    []string         `json:"hosts,omitempty"` // remote hosts allowed with --remote
	// Destructive names the destructive commands. DestructiveAllowed says whether they are
	// sent.
	Destructive        []string       `json:"destructive,omitempty"`
	DestructiveAllowed bool           `json:"destructive_allowed"`
	Budget             int            `json:"budget"` // maximum requests to each server
	Rate               float64        `json:"rate"`   // requests per second, 0 for no limit
	MinRequests        int            `json:"least"`  // smallest budget that Run accepts
	Phases             []PlannedPhase `json:"phases"`
	Requests           int            `json:"requests"` // total, to each server
	Seconds            float64        `json:"seconds"`
	WaitSeconds        float64        `json:"waits"`           // part of Seconds spent in real waits
	MaxSeconds         float64        `json:"most"`            // seconds if the whole budget is used
	TimeLimit          float64        `json:"limit,omitempty"` // time limit in seconds, 0 for none
}

// PlannedAccount is an account with its role.
type PlannedAccount struct {
	Role    string `json:"role"`
	Account string `json:"account"`
}

// PlannedPhase is one phase of a plan.
type PlannedPhase struct {
	Name        string  `json:"name"`
	Description string  `json:"does"`
	Requests    int     `json:"requests"`
	Seconds     float64 `json:"seconds"`
	WaitSeconds float64 `json:"waits"`
}

// phaseDescriptions describes each phase in one line.
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

// loopbackRate is the assumed number of requests per second if the file sets no rate.
const loopbackRate = 1000

// NewPlan computes what a study with these options will do. It sends nothing.
func NewPlan(ctx context.Context, options Options) (*Plan, error) {
	command := "run"
	if len(options.ServerURLs) == 2 {
		command = "diff"
	}
	head := options.transcriptHead(command)
	file := options.Experiment.File
	plan := &Plan{
		Name: file.Name, Servers: options.ServerURLs, Reset: string(file.Reset.Kind), Clock: "real",
		Places: file.Places, Hosts: file.Allow.Hosts, DestructiveAllowed: file.Allow.Destructive,
		Budget: options.RequestBudget, Rate: file.Limits.RequestRate,
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
	// Check hosts and URLs as Run does.
	session, err := newSession(head, options.Experiment, labConfig{allowRemote: options.AllowRemote}, nil)
	if err != nil {
		return nil, err
	}
	session.close()
	return plan, plan.addPhases(ctx, options.Experiment, head)
}

// addPhases simulates the study on offline servers and adds its phases.
func (p *Plan) addPhases(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) error {
	starts, err := simulateStudy(ctx, experiment, head)
	if err != nil {
		return err
	}
	rate := experiment.File.Limits.RequestRate
	if rate == 0 {
		rate = loopbackRate
	}
	for i, start := range starts[:len(starts)-1] {
		next := starts[i+1]
		phase := PlannedPhase{Name: start.phase, Description: phaseDescriptions[start.phase],
			Requests: next.sent - start.sent}
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

// phaseStart is the state of a simulated study at the beginning of a phase.
type phaseStart struct {
	phase  string
	sent   int
	waited time.Duration
}

// introductionPhase is the name of the setup checks in a plan.
const introductionPhase = "introduction"

// simulateStudy simulates a study on offline servers. It returns the start of each phase
// and, with an empty name, the end.
func simulateStudy(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) ([]phaseStart,
	error) {
	var first *offlineServer
	session, err := newSession(head, experiment, labConfig{allowRemote: true, newSimulator: func() lab.Simulator {
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

// ampleRequests is a budget that suffices for the first phase of any file.
const ampleRequests = 1 << 20

// minRequests counts the requests up to the end of the first phase. A smaller budget finds
// nothing.
func minRequests(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	head.RequestBudget = ampleRequests
	session, err := newSession(head, experiment, labConfig{allowRemote: true,
		newSimulator: func() lab.Simulator { return newOfflineServer(experiment.File) }}, nil)
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

// comparisonFactor times minRequests is the smallest budget of a comparison. With less,
// only base requests are compared, and finding no difference would mean nothing.
const comparisonFactor = 5

// checkBudget returns the smallest useful budget, and an error if the budget is below.
func checkBudget(ctx context.Context, experiment *LoadedExperiment, head journal.TranscriptHead) (minimum int,
	err error) {
	if minimum, err = minRequests(ctx, experiment, head); err != nil {
		return 0, err
	}
	what := fmt.Sprintf("to get to know the %d commands", len(experiment.File.Commands))
	if len(head.ServerURLs) > 1 {
		minimum, what = comparisonFactor*minimum, "to tell whether two servers differ"
	}
	if head.RequestBudget < minimum {
		return 0, setupErrorf("a budget of %d requests cannot suffice: %s takes %d; give more with --budget",
			head.RequestBudget, what, minimum)
	}
	return minimum, nil
}
