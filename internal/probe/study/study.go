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

// A Subject is what experiments are made on: a server, or two at once.
type Subject interface {
	// Run makes an experiment. It fails with lab.ErrForbidden if that must not be
	// made, and with *lab.StoppedError if none can be made any more.
	Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*lab.Trace, error)
	// Sent is how many requests were sent.
	Sent() int
}

// Config says what is studied, and how much of it.
type Config struct {
	File    *experiment.File
	Subject Subject
	// MaxRequests is how many requests the study may use, less Reserve.
	MaxRequests int
	// ReservedRequests is how many are wanted for something else; asked before each phase, nil
	// if none are.
	ReservedRequests func() int
	Seed             uint64
	// Server is the server's URL, for what is written of facts.
	Server string
	// ConfirmFacts asks for facts to be made sure of: their experiments are made again, and
	// machines are learned. Without, all of the budget goes into trying as many
	// requests as possible.
	ConfirmFacts bool
	// SkippedPhases names phases that are left out, to see what they are worth.
	SkippedPhases []string
	// OnPhase is told what begins; nil if nobody wants to know.
	OnPhase func(name string)
	// OnFacts is told how many facts there are after each phase.
	OnFacts func(int)
	// Pause lets real time go by where nothing else does; nil if that would show
	// nothing, as with a transcript.
	Pause func(time.Duration)
}

// A study is one under way.
type study struct {
	Config
	ctx      context.Context
	findings *finding.Study
	facts    *factSet
	volatile volatileFields
	// stopsAtLimit says that the phase under way ends where its share is used up.
	stopsAtLimit  bool
	ignoresTraces bool // the traces of the phase under way are not looked at in the end
	requestLimit  int  // no request of the phase under way goes beyond it
	// skippedRequests is what the phase under way leaves out for lack of budget.
	skipped skippedRequests
	// traces are all that were made.
	traces []*lab.Trace
	// notLoggedInCode is the code of who is not logged in, "" if it is not known.
	notLoggedInCode         string
	actor, friend, stranger string // the roles: who acts, a friend, a stranger
	sessionLifetime         durationRange
	// learnedSystems are those of which a machine was learned.
	learnedSystems []*systemUnderTest
	// deferredTimers is what other phases leave to that of the timers.
	deferredTimers []func() error
	// matrixRows are those of the parameter matrix, by step and key.
	matrixRows map[string]int
	// pagedLists are those that are given page by page, by command.
	pagedLists map[string]*pagedList
}

// errShare ends a phase whose share of the budget is used up.
var errShareUsed = errors.New("its share of the budget is used up")

// A phase is a part of the study.
type studyPhase struct {
	name string
	// budgetShare is its weight when what is left of the budget is shared out. What has none
	// gets as much of it as it needs.
	budgetShare int
	runPhase    func(*study) error
}

// phases are all, in order: those that find much with little come first. Their
// shares are about what each needs with a dozen commands, in hundreds of requests.
var phases = []studyPhase{
	{"acquaintance", 0, (*study).introduceCommands},
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

// ofOneServer are the phases of which a comparison of two servers has nothing: what
// they try, others have tried before.
var singleServerPhases = []string{"breadth", "hidden keys", "state machines", "confirmation"}

// endAtOnce are the phases that end when their share is used up. The others go on
// without sending anything, so that what they do not reach is named.
var phasesStoppingAtLimit = []string{"acquaintance", "hidden keys", "state machines", "confirmation"}

// PhaseNames are the names of the parts of a study, in order.
func PhaseNames() []string {
	names := make([]string, len(phases))
	for index, phase := range phases {
		names[index] = phase.name
	}
	return names
}

// ComparisonPhases are the names of those that a comparison of two servers has.
func ComparisonPhases() []string {
	return slices.DeleteFunc(PhaseNames(), func(name string) bool { return slices.Contains(singleServerPhases, name) })
}

// Run studies the subject and returns what was found; that is worth something
// even if it ended early, which Stopped then says. An error is for a study that
// could not begin, or broke.
func Run(ctx context.Context, config Config) (*finding.Study, error) {
	s := &study{
		Config: config, ctx: ctx,
		findings: &finding.Study{Schema: finding.Schema, Name: config.File.Name, Seed: config.Seed},
		facts:    newStatedFacts(config.File), volatile: make(volatileFields), pagedLists: make(map[string]*pagedList),
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

// planPhases are the phases with their shares, and the sum of these.
func (s *study) planPhases() (plan []studyPhase, sum int) {
	// What a budget has beyond what the other phases need goes into looking again.
	beyond := max(0, s.MaxRequests-4000)
	for _, phase := range phases {
		switch {
		case s.ConfirmFacts && s.MaxRequests < deepStudyRequests && slices.Contains(repetitivePhases, phase.name):
			s.noteUntested(phase.name, fmt.Sprintf("a study of one server does this with a budget of %d requests and more", deepStudyRequests))
			continue
		case slices.Contains(s.SkippedPhases, phase.name), slices.Contains(singleServerPhases, phase.name) && !s.ConfirmFacts:
			continue
		case phase.name == "confirmation":
			phase.budgetShare = 600 + beyond/2
		case phase.name == "state machines":
			phase.budgetShare += beyond / 3
		case s.ConfirmFacts && beyond > 4000:
			phase.budgetShare *= 2 // there is room: what is not needed goes to those behind
		}
		plan = append(plan, phase)
		sum += phase.budgetShare
	}
	if s.File.Clock.URL == "" {
		moveTimersLast(plan)
	}
	return plan, sum
}

// moveTimersLast moves the timers behind all that can be had without waiting.
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

// runPhase runs one phase.
func (s *study) runPhase(phase studyPhase) error {
	if s.OnPhase != nil {
		s.OnPhase(phase.name)
	}
	before := s.Subject.Sent()
	s.ignoresTraces, s.stopsAtLimit = slices.Contains(repetitivePhases, phase.name), slices.Contains(phasesStoppingAtLimit, phase.name)
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
	if s.skipped.requests > 0 && phase.name != "state machines" { // these say themselves what they lack
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

// roleAt is the role in a place of the file's order, "" if there are not so many.
func (s *study) roleAt(index int) string {
	if index < len(s.File.Accounts) {
		return s.File.Accounts[index].Role
	}
	return ""
}

// noteUntested notes what was not tested.
func (s *study) noteUntested(what, reason string) { s.noteUntestedRequests(what, reason, 0) }

// noteUntestedRequests notes what some requests more would test.
func (s *study) noteUntestedRequests(what, reason string, requests int) {
	item := finding.UntestedItem{What: what, Why: reason, Requests: requests}
	if !slices.Contains(s.findings.Untested, item) {
		s.findings.Untested = append(s.findings.Untested, item)
	}
}

// runExperiment makes an experiment. Forbidden ones are noted and answered with nil.
func (s *study) runExperiment(steps ...experiment.Step) (*lab.Trace, error) {
	return s.runWithNonce(0, steps...)
}

func (s *study) runWithNonce(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	trace, err := s.runComplete(nonce, steps...)
	if trace != nil {
		s.keepTrace(trace)
	}
	return trace, err
}

// runComplete makes an experiment, within the phase's share.
func (s *study) runComplete(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	trace, err := s.runUntilLock(nonce, steps...)
	if trace != nil && len(trace.Steps) < len(steps) {
		return nil, err
	}
	return trace, err
}

// runUntilLock makes an experiment. The trace has fewer steps if a lock has ended it.
func (s *study) runUntilLock(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	count := 0
	for _, step := range steps {
		if step.Wait == 0 {
			count++
		}
	}
	if !s.hasRoom(count) {
		s.skipped.addSteps(steps, count)
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

// roomForDepth is a budget that has room for what few servers do wrong, beside what
// each command does.
const deepStudyRequests = 20_000

// alikeOnPurpose are the phases that ask the same again and again, or for what is
// refused: what their answers have in common says nothing of fields.
var repetitivePhases = []string{"near values", "look, change, look", "counts", "time across"}

// keepTrace keeps a trace: what its answers have in common is looked at in the end.
func (s *study) keepTrace(trace *lab.Trace) {
	if s.ignoresTraces {
		return
	}
	s.traces = append(s.traces, trace)
}
