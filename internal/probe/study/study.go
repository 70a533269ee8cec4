package study

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// Subject runs experiments on one server, or on two servers at once.
type Subject interface {
	// Run runs an experiment. Its error is [lab.ErrForbidden] if the file does not allow the
	// experiment, *[lab.LimitedError] or *[lab.LockedError] if the server's limits prevent it, and
	// *[lab.StoppedError] if no further experiment can run. A different nonce gives
	// equal steps different marks.
	Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*lab.Trace, error)
	// Sent returns the number of requests sent so far.
	Sent() int
}

// Config says what to study and how much of it.
type Config struct {
	File    *experiment.File
	Subject Subject // runs the experiments
	// MaxRequests is the budget of the study, including the requests that ReservedRequests
	// withholds.
	MaxRequests int
	// ReservedRequests, if set, returns the part of MaxRequests that the caller needs for other
	// purposes. It is called before each phase.
	ReservedRequests func() int
	Seed             uint64 // for the random tests of learned state machines
	// Server is the server's URL, for the command that replays a fact.
	Server string
	// ConfirmFacts repeats the experiments behind facts and learns state machines. Without it the
	// whole budget goes into different requests.
	ConfirmFacts bool
	// SkippedPhases names phases to leave out, so that a benchmark can measure their worth.
	SkippedPhases []string
	// OnPhase, if set, is called with the name of each phase before it begins.
	OnPhase func(name string)
	// OnFacts, if set, is called after each phase with the number of all facts stated until then.
	OnFacts func(int)
	// Pause, if set, waits in real time between repeated requests, so that a clock in answers shows
	// another time. It is nil where waiting has no effect, as in a replay.
	Pause func(time.Duration)
}

// study is the state of a running study.
type study struct {
	Config
	ctx      context.Context
	findings *finding.Study
	facts    *factSet
	volatile volatileFields
	// stopsAtLimit ends the current phase when its share of the budget is used up. Otherwise the
	// phase continues without sending, so that skipped lists all that it would have tried.
	stopsAtLimit  bool
	ignoresTraces bool // excludes the traces of the current phase from the analysis of fields and codes
	requestLimit  int  // Subject.Sent may not exceed this in the current phase
	// skipped collects the experiments that the current phase leaves out for lack of budget.
	skipped skippedRequests
	// traces are the traces that the analysis of fields, codes and machines uses.
	traces []*lab.Trace
	// notLoggedInCode is the code that answers requests without a login, "" if unknown.
	notLoggedInCode string
	// actor, friend and stranger are the roles of most experiments: friend is a friend of actor,
	// stranger is not. A role that the file lacks is "".
	actor, friend, stranger string
	sessionLifetime         durationRange
	// learnedSystems are the systems whose machines were learned completely.
	learnedSystems []*systemUnderTest
	// deferredTimers are measurements that earlier phases leave to the timers phase.
	deferredTimers []func() error
	// matrixRows maps a step and the key of a parameter to the index of their row in
	// finding.Study.Matrix.
	matrixRows map[string]int
	// pagedLists are the lists that are read page by page, by command.
	pagedLists map[string]*pagedList
}

// errShareUsed ends a phase whose share of the budget is used up.
var errShareUsed = errors.New("its share of the budget is used up")

// studyPhase is one part of a study.
type studyPhase struct {
	name string
	// budgetShare is the weight of the phase when the remaining requests are divided among the phases
	// that remain. A phase with weight 0 may use all of them.
	budgetShare int
	runPhase    func(*study) error
}

// phases lists all phases in order: those that find much with few requests come first. A share is
// about the number of requests that the phase sends for a file with a dozen commands.
var phases = []studyPhase{
	{"acquaintance", 0, (*study).sendBaseRequests},
	{"scenarios", 0, (*study).runScenarios},
	{"breadth", 0, (*study).tryParametersBriefly},
	{"sessions", 260, (*study).studySessions},
	{"messages", 220, (*study).studyMessages},
	{"presence", 260, (*study).studyPresence},
	{"friendship", 380, (*study).studyFriendship},
	{"paging", 240, (*study).studyPaging},
	{"marks", 250, (*study).studyMarks},
	{"near values", 300, (*study).studyNearValues},
	{"look, change, look", 210, (*study).observeAfterChanges},
	{"counts", 420, (*study).studyCounts},
	{"timers", 320, (*study).studyTimers},
	{"time across", 130, (*study).observeChangesLater},
	{"encoding", 130, (*study).studyEncoding},
	{"transport", 90, (*study).studyTransport},
	{"parameters", 1050, (*study).studyParameters},
	{"hidden keys", 100, (*study).studyHiddenKeys},
	{"state machines", 300, (*study).learnMachines},
	{"confirmation", 60, (*study).confirmFacts},
}

// singleServerPhases are left out when two servers are compared, because other phases send the same
// requests.
var singleServerPhases = []string{"breadth", "hidden keys", "state machines", "confirmation"}

// phasesStoppingAtLimit set study.stopsAtLimit.
var phasesStoppingAtLimit = []string{"acquaintance", "hidden keys", "state machines", "confirmation"}

// PhaseNames returns the names of all phases in order.
func PhaseNames() []string {
	names := make([]string, len(phases))
	for i, phase := range phases {
		names[i] = phase.name
	}
	return names
}

// ComparisonPhases returns the names of the phases that a comparison of two servers runs.
func ComparisonPhases() []string {
	return slices.DeleteFunc(PhaseNames(), func(name string) bool { return slices.Contains(singleServerPhases, name) })
}

// Run studies the subject and returns the findings. If the subject reports a [lab.StoppedError], Run
// returns the findings until then, names the reason in their Stopped field, and returns no error. It
// returns any other error together with incomplete findings.
func Run(ctx context.Context, config Config) (*finding.Study, error) {
	s := &study{
		Config: config, ctx: ctx,
		findings: &finding.Study{Schema: finding.Schema, Name: config.File.Name, Seed: config.Seed},
		facts:    newFactSet(config.File), volatile: make(volatileFields), pagedLists: make(map[string]*pagedList),
		matrixRows: make(map[string]int),
	}
	s.actor, s.friend, s.stranger = s.roleAt(0), s.roleAt(1), s.roleAt(2)
	plan, shares := s.planPhases()
	for _, phase := range plan {
		left := max(config.MaxRequests-s.reservedRequests()-config.Subject.Sent(), 0)
		if s.requestLimit = config.Subject.Sent() + left; phase.budgetShare > 0 {
			s.requestLimit -= left - left*phase.budgetShare/shares
		}
		shares -= phase.budgetShare
		if err := s.runPhase(phase); err != nil {
			return s.findings, err
		}
		if s.findings.Stopped != "" {
			break
		}
	}
	s.conclude()
	return s.findings, nil
}

// planPhases returns the phases to run with their shares, and the sum of the shares.
func (s *study) planPhases() (plan []studyPhase, sum int) {
	// The other phases need about 4,000 requests. Confirmation and state machines share the remainder.
	beyond := max(0, s.MaxRequests-4000)
	for _, phase := range phases {
		switch {
		case s.ConfirmFacts && s.MaxRequests < deepStudyRequests && slices.Contains(repetitivePhases, phase.name):
			s.noteUntested(phase.name, fmt.Sprintf(
				"a study of one server does this only with a budget of %d requests or more", deepStudyRequests))
			continue
		case slices.Contains(s.SkippedPhases, phase.name), slices.Contains(singleServerPhases, phase.name) &&
			!s.ConfirmFacts:
			continue
		case phase.name == "confirmation":
			phase.budgetShare = 600 + beyond/2
		case phase.name == "state machines":
			phase.budgetShare += beyond / 3
		case s.ConfirmFacts && beyond > 4000:
			phase.budgetShare *= 2 // what these phases do not use remains for later ones
		}
		plan = append(plan, phase)
		sum += phase.budgetShare
	}
	if s.File.Clock.URL == "" {
		moveTimersLast(plan)
	}
	return plan, sum
}

// moveTimersLast moves the timers behind all phases that need no waiting, except for the
// confirmation.
func moveTimersLast(plan []studyPhase) {
	index := slices.IndexFunc(plan, func(phase studyPhase) bool { return phase.name == "timers" })
	timers := plan[index]
	end := len(plan)
	if plan[end-1].name == "confirmation" {
		end--
	}
	copy(plan[index:], plan[index+1:end])
	plan[end-1] = timers
}

func (s *study) reservedRequests() int {
	if s.ReservedRequests == nil {
		return 0
	}
	return s.ReservedRequests()
}

// runPhase runs one phase and adds a summary of it to the findings.
func (s *study) runPhase(phase studyPhase) error {
	if s.OnPhase != nil {
		s.OnPhase(phase.name)
	}
	before := s.Subject.Sent()
	s.ignoresTraces, s.stopsAtLimit = slices.Contains(repetitivePhases, phase.name),
		slices.Contains(phasesStoppingAtLimit, phase.name)
	s.skipped = skippedRequests{}
	err := phase.runPhase(s)
	s.ignoresTraces = false
	done := finding.PhaseSummary{Name: phase.name, Requests: s.Subject.Sent() - before}
	var stopped *lab.StoppedError
	switch {
	case errors.As(err, &stopped):
		s.findings.Stopped = stopped.Reason
		done.Ended = stopped.Reason
	case err != nil && !errors.Is(err, errShareUsed):
		return fmt.Errorf("%s: %w", phase.name, err)
	}
	if s.skipped.requests > 0 && phase.name != "state machines" { // learnMachine reports its own gaps
		done.Ended = errShareUsed.Error()
		s.noteUntestedRequests(phase.name+": "+s.skipped.String(), errShareUsed.Error(), s.skipped.requests)
	}
	done.Facts = len(s.facts.all)
	s.findings.Phases = append(s.findings.Phases, done)
	if s.OnFacts != nil {
		s.OnFacts(len(s.facts.all))
	}
	return nil
}

// roleAt returns the role at an index of the file's accounts, "" if the file has fewer accounts.
func (s *study) roleAt(index int) string {
	if index < len(s.File.Accounts) {
		return s.File.Accounts[index].Role
	}
	return ""
}

// noteUntested records what was not tested, and why.
func (s *study) noteUntested(what, reason string) { s.noteUntestedRequests(what, reason, 0) }

// noteUntestedRequests records what was not tested, and how many more requests would test it.
func (s *study) noteUntestedRequests(what, reason string, requests int) {
	item := finding.UntestedItem{What: what, Why: reason, Requests: requests}
	if !slices.Contains(s.findings.Untested, item) {
		s.findings.Untested = append(s.findings.Untested, item)
	}
}

// runExperiment runs an experiment and keeps its trace. The trace is nil if the experiment was not
// run or was cut short; the reason is recorded as untested.
func (s *study) runExperiment(steps ...experiment.Step) (*lab.Trace, error) {
	return s.runWithNonce(0, steps...)
}

// runWithNonce is runExperiment with the marks of another nonce than 0.
func (s *study) runWithNonce(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	trace, err := s.runComplete(nonce, steps...)
	if trace != nil {
		s.keepTrace(trace)
	}
	return trace, err
}

// runComplete runs an experiment without keeping its trace for the analysis. It returns nil instead of
// a trace that the lock of an account has cut short.
func (s *study) runComplete(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	trace, err := s.runUntilLock(nonce, steps...)
	if trace != nil && len(trace.Steps) < len(steps) {
		return nil, err
	}
	return trace, err
}

// runUntilLock runs an experiment if the phase has budget for it. The trace lacks the last steps if
// the server locked an account meanwhile. It is nil, without an error, if the experiment was not run or
// proves nothing; the reason is recorded as untested. The error is errShareUsed if the budget is used
// up and the phase stops at its limit.
func (s *study) runUntilLock(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	requests := 0
	for _, step := range steps {
		if step.Wait == 0 {
			requests++
		}
	}
	if !s.hasRoom(requests) {
		s.skipped.addSteps(steps, requests)
		if s.stopsAtLimit {
			return nil, errShareUsed
		}
		return nil, nil
	}
	trace, err := s.Subject.Run(s.ctx, steps, nonce)
	if limited := new(lab.LimitedError); errors.As(err, &limited) {
		s.noteUntested(s.formatSteps(steps), "it takes "+limited.Error())
		return nil, nil
	}
	if locked := new(lab.LockedError); errors.As(err, &locked) {
		s.noteUntested(strings.TrimSuffix(s.formatSteps(locked.Unsent), "; "), locked.Error())
		return locked.Partial, nil
	}
	if errors.Is(err, lab.ErrForbidden) {
		var skipped skippedRequests
		skipped.addSteps(steps, 0)
		s.noteUntested(skipped.String(), err.Error())
		return nil, nil
	}
	if trace != nil && trace.InvalidReason != "" {
		s.noteUntested(s.formatSteps(steps), "it proves nothing: "+trace.InvalidReason)
		return nil, nil
	}
	return trace, err
}

// deepStudyRequests is the budget from which a study of one server also runs repetitivePhases. Smaller
// budgets find more with different requests.
const deepStudyRequests = 20_000

// repetitivePhases send the same requests many times, or requests that are refused. Their answers
// would mislead the analysis of fields.
var repetitivePhases = []string{"near values", "look, change, look", "counts", "time across"}

// keepTrace adds a trace to those that conclude analyses, unless the phase is a repetitive one.
func (s *study) keepTrace(trace *lab.Trace) {
	if s.ignoresTraces {
		return
	}
	s.traces = append(s.traces, trace)
}
