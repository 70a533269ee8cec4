package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
	"github.com/rookery-im/rookery/internal/probe/study"
)

// Config says which two servers are compared.
type Config struct {
	File *experiment.File
	A, B *lab.Lab
	Seed uint64
	// StudyConfig is passed on: who is told of phases and facts. Its file, subject, budget
	// and seed are set here.
	StudyConfig study.Config
}

// forCauses is the part of the budget, in hundredths, with which differences are
// made small and replayed, once any were seen.
const causesShare = 14

// Run compares two servers and returns what the study found of the first, with
// the differences.
func Run(ctx context.Context, config Config) (*finding.Study, error) {
	pair := newServerPair(config.File, config.A, config.B)
	studyConfig := config.StudyConfig
	studyConfig.File, studyConfig.Subject, studyConfig.Seed = config.File, pair, config.Seed
	studyConfig.MaxRequests = pair.maxRequests()
	studyConfig.ReservedRequests = func() int {
		if len(pair.sightings) == 0 {
			return pair.maxRequests() / 50
		}
		return pair.maxRequests() * causesShare / 100
	}
	result, err := study.Run(ctx, studyConfig)
	if err != nil {
		return result, err
	}
	causes, err := pair.findCauses(ctx)
	var stopped *lab.StoppedError
	switch {
	case errors.As(err, &stopped):
		result.Stopped = stopped.Reason
	case errors.Is(err, errBudgetSpent):
	case err != nil:
		return result, err
	}
	for _, cause := range causes {
		result.Differences = append(result.Differences, pair.newDifference(cause))
	}
	for _, s := range pair.unexplainedSightings(causes) {
		result.Sightings = append(result.Sightings, pair.newDifference(s))
	}
	return result, nil
}

// requiredReplays is how often a witness must show its difference: five times, and a long one
// twice, because the budget is for others too.
func requiredReplays(steps []experiment.Step) int {
	if len(steps) > longWitnessSteps {
		return 2
	}
	return 5
}

const longWitnessSteps = 60

// findCauses makes sightings small, puts them down to causes, and sorts these: the
// surest first.
func (p *serverPair) findCauses(ctx context.Context) (causes []*differenceCause, err error) {
	sortByComplexity(p.sightings)
	for _, sighting := range p.sightings {
		if slices.ContainsFunc(causes, func(cause *differenceCause) bool { return p.explains(cause, sighting) }) {
			continue
		}
		var cause *differenceCause
		cause, err = p.investigate(ctx, sighting)
		if cause != nil && !p.mergeCause(causes, cause) {
			causes = append(causes, cause)
		}
		if err != nil {
			break
		}
	}
	sortCauses(causes)
	return causes, err
}

// unexplainedSightings are the sightings that no cause explains, each kind once, and of one
// experiment the first: they did not show again, or there was nothing left to look
// with.
func (p *serverPair) unexplainedSightings(causes []*differenceCause) []*differenceCause {
	var all []*differenceCause
	for _, sighting := range p.sightings {
		same := func(cause *differenceCause) bool {
			return cause.traceA == sighting.traceA || cause.commands[0] == sighting.steps[len(sighting.steps)-1].Command && haveCommonPoint(cause.points, sighting.points)
		}
		explained := func(cause *differenceCause) bool { return p.explains(cause, sighting) }
		if sighting.isVolatile || slices.ContainsFunc(all, same) || slices.ContainsFunc(causes, explained) {
			continue
		}
		cause := p.newCause(&sighting.witness)
		cause.timesShown, cause.replays = sighting.timesShown, sighting.replays
		all = append(all, cause)
	}
	return all
}

// newCause is a witness with the side of the protocol that it is about.
func (p *serverPair) newCause(candidate *witness) *differenceCause {
	cause := &differenceCause{witness: *candidate, commands: []string{candidate.steps[len(candidate.steps)-1].Command}}
	cause.aspect, cause.name = p.classify(candidate)
	return cause
}

// differenceCause makes one sighting small and judges it; nil if it does not show again,
// which the sighting notes.
func (p *serverPair) investigate(ctx context.Context, s *sighting) (*differenceCause, error) {
	p.reservesReplays = true
	defer func() { p.reservesReplays = false }()
	witness, err := p.shrinkSighting(ctx, s)
	if witness == nil {
		return nil, err
	}
	if err == nil {
		err = p.preferList(ctx, witness)
	}
	if err != nil && !errors.Is(err, errBudgetSpent) {
		return nil, err
	}
	p.reservesReplays = false
	cause := p.newCause(witness)
	steady, failed := p.replayCause(ctx, cause)
	s.timesShown, s.replays, s.isVolatile = cause.timesShown, cause.replays, len(cause.points) == 0
	if failed != nil || !steady {
		return nil, errors.Join(failed, err)
	}
	if err == nil {
		cause.commands, err = p.findAffectedCommands(ctx, witness)
	}
	return cause, err
}

// preferList looks at the list that a difference is about, in the place of the
// news that came of it, if it shows there too: news are an echo of what lists say.
func (p *serverPair) preferList(ctx context.Context, candidate *witness) error {
	end := len(candidate.steps) - 1
	if p.file.VerbOf(candidate.steps[end]) != experiment.VerbReceive {
		return nil
	}
	verb := experiment.VerbOnline
	switch aspect, _ := p.classify(candidate); aspect {
	case finding.AspectPresence:
	case finding.AspectFriendship:
		verb = experiment.VerbFriends
	default:
		return nil
	}
	for _, step := range p.file.StepsOf(verb, candidate.steps[end].Role, "") {
		step.Place = candidate.steps[end].Place
		steps := append(slices.Clone(candidate.steps[:end]), step)
		if ok, err := p.tryWitness(ctx, candidate, steps, nil); ok || err != nil {
			return err
		}
	}
	return nil
}

// replayCause sends the witness five times more. A field that one server itself
// answers differently each time is noise: the cause is none if nothing else is
// left of it.
func (p *serverPair) replayCause(ctx context.Context, cause *differenceCause) (steady bool, err error) {
	end := len(cause.steps) - 1
	for range requiredReplays(cause.steps) {
		points, traceA, traceB, err := p.reproduce(ctx, cause.steps, cause.nonce, nil)
		if errors.Is(err, errBudgetSpent) && cause.timesShown > 0 {
			return true, nil // Replayed says how often
		}
		if err != nil {
			return false, err
		}
		cause.replays++
		if traceA == nil {
			continue
		}
		p.noteVolatileFields(cause.steps[end], &cause.traceA.Answers[end], &traceA.Answers[end])
		p.noteVolatileFields(cause.steps[end], &cause.traceB.Answers[end], &traceB.Answers[end])
		if haveCommonPoint(points, cause.points) {
			cause.timesShown++
		}
		cause.points = p.compareAnswers(cause.steps[end], &cause.traceA.Answers[end], &cause.traceB.Answers[end])
		if len(cause.points) == 0 {
			return false, nil
		}
	}
	return cause.timesShown >= cause.replays-1, nil
}

// noteVolatileFields notes the fields in which two answers of one server differ.
func (p *serverPair) noteVolatileFields(step experiment.Step, x, y *lab.Answer) {
	if x.Kind() != "record" || y.Kind() != "record" {
		return
	}
	for _, f := range x.Fields {
		if field, ok := y.Field(f.Key); ok && field.Value != f.Value && f.Key != p.file.Answer.CodeKey {
			p.volatileFields[step.Command+"|"+f.Key] = true
		}
	}
}

// explains reports whether a sighting is an echo of a cause that is known: the
// same difference, or one behind all that leads to the cause.
func (p *serverPair) explains(cause *differenceCause, s *sighting) bool {
	end := s.steps[len(s.steps)-1]
	if haveCommonPoint(s.points, cause.points) && (slices.Contains(cause.commands, end.Command) || len(cause.commands) >= 3) && hasSameChanges(cause.steps, s.steps) {
		return true
	}
	essential := p.essentialSteps(cause)
	if len(essential) == 0 {
		return false
	}
	i := 0
	for _, step := range s.steps {
		if i < len(essential) && coversStep(step, essential[i]) {
			i++
		}
	}
	return i == len(essential)
}

// hasSameChanges reports whether the changes that a cause needs are all in another
// experiment's last step.
func hasSameChanges(cause, other []experiment.Step) bool {
	for _, want := range cause[len(cause)-1].Changes {
		if !slices.ContainsFunc(other[len(other)-1].Changes, func(change experiment.PairChange) bool {
			return change.Kind == want.Kind && change.Key == want.Key
		}) {
			return false
		}
	}
	return true
}

// essentialSteps are the steps of a cause that lead to it: all but plain logins and
// the last, which only looks.
func (p *serverPair) essentialSteps(cause *differenceCause) []experiment.Step {
	var out []experiment.Step
	for i, step := range cause.steps {
		plain := p.file.VerbOf(step) == experiment.VerbLogin && len(step.Changes) == 0 && step.Place == 0
		look := i == len(cause.steps)-1 && len(step.Changes) == 0
		if !plain && !look {
			out = append(out, step)
		}
	}
	return out
}

// coversStep reports whether a step does what another does.
func coversStep(step, want experiment.Step) bool {
	if want.Wait > 0 {
		return step.Wait > 0
	}
	if step.Command != want.Command || step.Verb != want.Verb || step.HTTPForm != want.HTTPForm {
		return false
	}
	for _, c := range want.Changes {
		if !slices.ContainsFunc(step.Changes, func(change experiment.PairChange) bool { return change.Kind == c.Kind && change.Key == c.Key }) {
			return false
		}
	}
	return true
}

// mergeCause adds a cause to one that is the same for another command.
func (p *serverPair) mergeCause(causes []*differenceCause, cause *differenceCause) bool {
	for _, known := range causes {
		if known.aspect == cause.aspect && known.name == cause.name {
			for _, command := range cause.commands {
				if !slices.Contains(known.commands, command) {
					known.commands = append(known.commands, command)
				}
			}
			return true
		}
	}
	return false
}

// sortCauses puts the surest first: those that always showed, by the smallest
// experiments.
func sortCauses(causes []*differenceCause) {
	slices.SortStableFunc(causes, func(x, y *differenceCause) int {
		if x.timesShown != y.timesShown {
			return y.timesShown - x.timesShown
		}
		return complexity(x.steps) - complexity(y.steps)
	})
}

// newDifference is a cause as reports have it.
func (p *serverPair) newDifference(cause *differenceCause) finding.ServerDifference {
	difference := finding.ServerDifference{
		Command: cause.commands[0], Aspect: cause.aspect, Name: cause.name, Commands: cause.commands,
		Replayed: fmt.Sprintf("%d of %d", cause.timesShown, cause.replays),
	}
	if len(cause.commands) >= 3 || p.isUnknownCommand(cause) {
		difference.Command = "*"
	}
	difference.Summary = p.summarize(cause, difference.Command)
	for i, step := range cause.steps {
		difference.Witness = append(difference.Witness, p.pairExchange(step, &cause.traceA.Answers[i], &cause.traceB.Answers[i]))
	}
	appendHeadDifferences(&difference.Witness[len(difference.Witness)-1], cause.points)
	return difference
}

// appendHeadDifferences adds to equal bodies in what the rest of the answers differs.
func appendHeadDifferences(last *finding.PairedExchange, points []differencePoint) {
	if last.A != last.B {
		return
	}
	for _, point := range points {
		last.A += fmt.Sprintf(" (%s: %s)", point.kind, point.valueA)
		last.B += fmt.Sprintf(" (%s: %s)", point.kind, point.valueB)
	}
}

// isUnknownCommand reports whether what differs is the answer to a command that
// there is not.
func (p *serverPair) isUnknownCommand(cause *differenceCause) bool {
	end := cause.steps[len(cause.steps)-1]
	command, ok := p.file.Command(end.Command)
	return ok && slices.ContainsFunc(end.Changes, func(change experiment.PairChange) bool {
		return change.Kind == experiment.SetValue && p.file.TypeOf(command, change.Key).Type == experiment.TypeCommandName
	})
}

func (p *serverPair) summarize(cause *differenceCause, command string) string {
	var parts []string
	for _, point := range cause.points {
		what := point.kind
		if point.key != "" {
			what = point.key
		}
		parts = append(parts, fmt.Sprintf("%s is %q on A and %q on B", what, truncate(point.valueA), truncate(point.valueB)))
	}
	if command == "*" {
		command = "several commands"
	}
	return fmt.Sprintf("%s: %s (%s)", command, strings.Join(parts, "; "), p.formatSteps(cause.steps))
}

// formatSteps tells the steps in their notation.
func (p *serverPair) formatSteps(steps []experiment.Step) string {
	lines := make([]string, len(steps))
	for i, step := range steps {
		lines[i] = truncate(p.file.FormatStep(step))
	}
	return strings.Join(lines, "; ")
}

func truncate(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	for i := most; ; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i] + "..."
		}
	}
}

func (p *serverPair) pairExchange(step experiment.Step, answerA, answerB *lab.Answer) finding.PairedExchange {
	out := finding.PairedExchange{Step: p.file.FormatStep(step), Wait: step.Wait.Seconds()}
	if step.Wait > 0 {
		return out
	}
	out.Role, out.HTTP = step.Role, step.HTTPForm
	if step.Place > 0 {
		out.From = p.file.Places[step.Place]
	}
	if utf8.Valid(answerA.Request) {
		out.Request = string(answerA.Request)
	} else {
		out.RequestBase64 = answerA.Request
	}
	out.A, out.B = p.formatAnswer(answerA), p.formatAnswer(answerB)
	return out
}

// formatAnswer is an answer as a witness shows it.
func (p *serverPair) formatAnswer(answer *lab.Answer) string {
	switch answer.Kind() {
	case "nothing":
		return "(no answer: " + answer.Fault + ")"
	case "status":
		return fmt.Sprintf("(status %d) %s", answer.Status, answer.Body)
	}
	return string(answer.Body)
}
