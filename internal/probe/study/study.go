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
	// made, and with *lab.Stopped if none can be made any more.
	Run(ctx context.Context, steps []experiment.Step, nonce uint64) (*lab.Trace, error)
	// Sent is how many requests were sent.
	Sent() int
}

// Config says what is studied, and how much of it.
type Config struct {
	File    *experiment.File
	Subject Subject
	// Requests is how many requests the study may use, less Reserve.
	Requests int
	// Reserve is how many are wanted for something else; asked before each phase, nil
	// if none are.
	Reserve func() int
	Seed    uint64
	// Server is the server's URL, for what is written of facts.
	Server string
	// Confirm asks for facts to be made sure of: their experiments are made again, and
	// machines are learned. Without, all of the budget goes into trying as many
	// requests as possible.
	Confirm bool
	// Without names phases that are left out, to see what they are worth.
	Without []string
	// Phase is told what begins; nil if nobody wants to know.
	Phase func(name string)
	// Facts is told how many facts there are after each phase.
	Facts func(int)
	// Pause lets real time go by where nothing else does; nil if that would show
	// nothing, as with a transcript.
	Pause func(time.Duration)
}

// A study is one under way.
type study struct {
	Config
	ctx    context.Context
	out    *finding.Study
	stated *statedFacts
	noise  volatileFields
	// endsAtOnce says that the phase under way ends where its share is used up.
	endsAtOnce bool
	aside      bool // the traces of the phase under way are not looked at in the end
	limit      int  // no request of the phase under way goes beyond it
	// skippedRequests is what the phase under way leaves out for lack of budget.
	unreached skippedRequests
	// traces are all that were made.
	traces []*lab.Trace
	// notLoggedIn is the code of who is not logged in, "" if it is not known.
	notLoggedIn string
	a, b, c     string // the roles: who acts, a friend, a stranger
	timeout     timerRange
	// learned are those of which a machine was learned.
	learned []*systemUnderTest
	// waiting is what other phases leave to that of the timers.
	waiting []func() error
	// rows are those of the parameter matrix, by step and key.
	rows map[string]int
	// lists are those that are given page by page, by command.
	lists map[string]*pagedList
}

// errShare ends a phase whose share of the budget is used up.
var errShare = errors.New("its share of the budget is used up")

// A phase is a part of the study.
type studyPhase struct {
	name string
	// share is its weight when what is left of the budget is shared out. What has none
	// gets as much of it as it needs.
	share int
	run   func(*study) error
}

// phases are all, in order: those that find much with little come first. Their
// shares are about what each needs with a dozen commands, in hundreds of requests.
var phases = []studyPhase{
	{"acquaintance", 0, (*study).introduction},
	{"scenarios", 0, (*study).scenarios},
	{"breadth", 0, (*study).breadth},
	{"sessions", 260, (*study).sessions},
	{"messages", 220, (*study).messages},
	{"presence", 260, (*study).presence},
	{"friendship", 380, (*study).friendship},
	{"paging", 240, (*study).paging},
	{"marks", 250, (*study).marks},
	{"near values", 300, (*study).near},
	{"look, change, look", 210, (*study).around},
	{"counts", 420, (*study).counts},
	{"timers", 320, (*study).timers},
	{"time across", 130, (*study).later},
	{"encoding", 130, (*study).encoding},
	{"transport", 90, (*study).transport},
	{"parameters", 1050, (*study).parameters},
	{"hidden keys", 100, (*study).hiddenKeys},
	{"state machines", 300, (*study).machines},
	{"confirmation", 60, (*study).confirm},
}

// ofOneServer are the phases of which a comparison of two servers has nothing: what
// they try, others have tried before.
var ofOneServer = []string{"breadth", "hidden keys", "state machines", "confirmation"}

// endAtOnce are the phases that end when their share is used up. The others go on
// without sending anything, so that what they do not reach is named.
var endAtOnce = []string{"acquaintance", "hidden keys", "state machines", "confirmation"}

// PhaseNames are the names of the parts of a study, in order.
func PhaseNames() []string {
	names := make([]string, len(phases))
	for i, studyPhase := range phases {
		names[i] = studyPhase.name
	}
	return names
}

// PhasesOfTwo are the names of those that a comparison of two servers has.
func PhasesOfTwo() []string {
	return slices.DeleteFunc(PhaseNames(), func(name string) bool { return slices.Contains(ofOneServer, name) })
}

// Run studies the subject and returns what was found; that is worth something
// even if it ended early, which Stopped then says. An error is for a study that
// could not begin, or broke.
func Run(ctx context.Context, config Config) (*finding.Study, error) {
	s := &study{
		Config: config, ctx: ctx,
		out:    &finding.Study{Schema: finding.Schema, Name: config.File.Name, Seed: config.Seed},
		stated: newStatedFacts(config.File), noise: make(volatileFields), lists: make(map[string]*pagedList),
		rows: make(map[string]int),
	}
	s.a, s.b, s.c = s.role(0), s.role(1), s.role(2)
	plan, shares := s.plan()
	for _, studyPhase := range plan {
		left := max(config.Requests-s.reserve()-config.Subject.Sent(), 0)
		if s.limit = config.Subject.Sent() + left; studyPhase.share > 0 {
			s.limit -= left - left*studyPhase.share/shares
		}
		shares -= studyPhase.share
		if err := s.do(studyPhase); err != nil {
			return s.out, err
		}
		if s.out.Stopped != "" {
			break
		}
	}
	s.conclude()
	return s.out, nil
}

// plan are the phases with their shares, and the sum of these.
func (s *study) plan() (plan []studyPhase, sum int) {
	// What a budget has beyond what the other phases need goes into looking again.
	beyond := max(0, s.Requests-4000)
	for _, studyPhase := range phases {
		switch {
		case s.Confirm && s.Requests < roomForDepth && slices.Contains(alikeOnPurpose, studyPhase.name):
			s.gap(studyPhase.name, fmt.Sprintf("a study of one server does this with a budget of %d requests and more", roomForDepth))
			continue
		case slices.Contains(s.Without, studyPhase.name), slices.Contains(ofOneServer, studyPhase.name) && !s.Confirm:
			continue
		case studyPhase.name == "confirmation":
			studyPhase.share = 600 + beyond/2
		case studyPhase.name == "state machines":
			studyPhase.share += beyond / 3
		case s.Confirm && beyond > 4000:
			studyPhase.share *= 2 // there is room: what is not needed goes to those behind
		}
		plan = append(plan, studyPhase)
		sum += studyPhase.share
	}
	if s.File.Clock.URL == "" {
		waitLast(plan)
	}
	return plan, sum
}

// waitLast moves the timers behind all that can be had without waiting.
func waitLast(plan []studyPhase) {
	at := slices.IndexFunc(plan, func(p studyPhase) bool { return p.name == "timers" })
	timers := plan[at]
	end := len(plan)
	if plan[end-1].name == "confirmation" {
		end--
	}
	copy(plan[at:], plan[at+1:end])
	plan[end-1] = timers
}

func (s *study) reserve() int {
	if s.Reserve == nil {
		return 0
	}
	return s.Reserve()
}

// do runs one phase.
func (s *study) do(p studyPhase) error {
	if s.Phase != nil {
		s.Phase(p.name)
	}
	before := s.Subject.Sent()
	s.aside, s.endsAtOnce = slices.Contains(alikeOnPurpose, p.name), slices.Contains(endAtOnce, p.name)
	s.unreached = skippedRequests{}
	err := p.run(s)
	s.aside = false
	done := finding.PhaseSummary{Name: p.name, Requests: s.Subject.Sent() - before}
	var stopped *lab.Stopped
	switch {
	case errors.As(err, &stopped):
		s.out.Stopped = stopped.Reason
		done.Ended = stopped.Reason
	case err != nil && !errors.Is(err, errShare):
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if s.unreached.requests > 0 && p.name != "state machines" { // these say themselves what they lack
		done.Ended = errShare.Error()
		s.gapOf(p.name+": "+s.unreached.String(), errShare.Error(), s.unreached.requests)
	}
	done.Facts = len(s.stated.facts)
	s.out.Phases = append(s.out.Phases, done)
	if s.Facts != nil {
		s.Facts(len(s.stated.facts))
	}
	return nil
}

// role is the role in a place of the file's order, "" if there are not so many.
func (s *study) role(i int) string {
	if i < len(s.File.Accounts) {
		return s.File.Accounts[i].Role
	}
	return ""
}

// gap notes what was not tested.
func (s *study) gap(what, why string) { s.gapOf(what, why, 0) }

// gapOf notes what some requests more would test.
func (s *study) gapOf(what, why string, requests int) {
	untestedItem := finding.UntestedItem{What: what, Why: why, Requests: requests}
	if !slices.Contains(s.out.Untested, untestedItem) {
		s.out.Untested = append(s.out.Untested, untestedItem)
	}
}

// run makes an experiment. Forbidden ones are noted and answered with nil.
func (s *study) run(steps ...experiment.Step) (*lab.Trace, error) {
	return s.runAs(0, steps...)
}

func (s *study) runAs(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	trace, err := s.ask(nonce, steps...)
	if trace != nil {
		s.look(trace)
	}
	return trace, err
}

// ask makes an experiment, within the phase's share.
func (s *study) ask(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	trace, err := s.askPart(nonce, steps...)
	if trace != nil && len(trace.Steps) < len(steps) {
		return nil, err
	}
	return trace, err
}

// askPart makes an experiment. The trace has fewer steps if a lock has ended it.
func (s *study) askPart(nonce uint64, steps ...experiment.Step) (*lab.Trace, error) {
	n := 0
	for _, step := range steps {
		if step.Wait == 0 {
			n++
		}
	}
	if !s.hasRoom(n) {
		s.unreached.addSteps(steps, n)
		if s.endsAtOnce {
			return nil, errShare
		}
		return nil, nil
	}
	trace, err := s.Subject.Run(s.ctx, steps, nonce)
	if limited := new(lab.LimitedError); errors.As(err, &limited) {
		s.gap(s.line(steps), "it takes "+limited.Error())
		return nil, nil
	}
	if locked := new(lab.LockedError); errors.As(err, &locked) {
		s.gap(strings.TrimSuffix(s.line(locked.Left), "; "), locked.Error())
		return locked.Part, nil
	}
	if errors.Is(err, lab.ErrForbidden) {
		var left skippedRequests
		left.addSteps(steps, 0)
		s.gap(left.String(), err.Error())
		return nil, nil
	}
	if trace != nil && trace.Unmade != "" {
		s.gap(s.line(steps), "it proves nothing: "+trace.Unmade)
		return nil, nil
	}
	return trace, err
}

// roomForDepth is a budget that has room for what few servers do wrong, beside what
// each command does.
const roomForDepth = 20_000

// alikeOnPurpose are the phases that ask the same again and again, or for what is
// refused: what their answers have in common says nothing of fields.
var alikeOnPurpose = []string{"near values", "look, change, look", "counts", "time across"}

// look keeps a trace: what its answers have in common is looked at in the end.
func (s *study) look(trace *lab.Trace) {
	if s.aside {
		return
	}
	s.traces = append(s.traces, trace)
}
