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

// Config selects the servers to compare.
type Config struct {
	File *experiment.File
	A, B *lab.Lab
	Seed uint64
	// StudyConfig holds the callbacks and further options of the study. Run sets its File,
	// Subject, Seed, MaxRequests and ReservedRequests.
	StudyConfig study.Config
}

// witnessBudgetPercent is the part of the request budget that the study leaves for witnesses and
// their replays, once a difference was seen. Before that, the study leaves 2 %.
const witnessBudgetPercent = 14

// Run compares two servers and returns the study of the first, with the differences. If a lab
// stops, for example because the budget is used up, Run returns what it has found until then.
func Run(ctx context.Context, config Config) (*finding.Study, error) {
	pair := newServerPair(config.File, config.A, config.B)
	studyConfig := config.StudyConfig
	studyConfig.File, studyConfig.Subject, studyConfig.Seed = config.File, pair, config.Seed
	studyConfig.MaxRequests = pair.maxRequests()
	studyConfig.ReservedRequests = func() int {
		if len(pair.sightings) == 0 {
			return pair.maxRequests() / 50
		}
		return pair.maxRequests() * witnessBudgetPercent / 100
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

// requiredReplays returns how often a witness is replayed. A long one is replayed less often,
// because it costs more of the budget.
func requiredReplays(steps []experiment.Step) int {
	if len(steps) > longWitnessSteps {
		return 2
	}
	return 5
}

// longWitnessSteps is the length above which a witness is replayed only twice.
const longWitnessSteps = 60

// findCauses attributes the sightings to causes, starting with the simplest. The causes are sorted
// as by sortCauses. With an error, it returns the causes found until then.
func (p *serverPair) findCauses(ctx context.Context) (causes []*differenceCause, err error) {
	sortByComplexity(p.sightings)
	for _, sighting := range p.sightings {
		if slices.ContainsFunc(causes, func(cause *differenceCause) bool { return p.explains(cause, sighting) }) {
			continue
		}
		var cause *differenceCause
		cause, err = p.investigate(ctx, sighting)
		sighting.hasCause = cause != nil
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

// unexplainedSightings returns the sightings that no cause explains, because they did not show
// again or the budget was used up. Of several in the same experiment, or with the same command and
// a common point, it returns only the first.
func (p *serverPair) unexplainedSightings(causes []*differenceCause) []*differenceCause {
	var all []*differenceCause
	for _, sighting := range p.sightings {
		same := func(cause *differenceCause) bool {
			return cause.traceA == sighting.traceA ||
				cause.commands[0] == sighting.steps[len(sighting.steps)-1].Command &&
					haveCommonPoint(cause.points, sighting.points)
		}
		explained := func(cause *differenceCause) bool { return p.explains(cause, sighting) }
		if sighting.hasCause || sighting.isVolatile ||
			slices.ContainsFunc(all, same) || slices.ContainsFunc(causes, explained) {
			continue
		}
		cause := p.newCause(&sighting.witness)
		cause.timesShown, cause.replays = sighting.timesShown, sighting.replays
		all = append(all, cause)
	}
	return all
}

// newCause returns a cause with the aspect and name that follow from its witness.
func (p *serverPair) newCause(candidate *witness) *differenceCause {
	cause := &differenceCause{witness: *candidate, commands: []string{candidate.steps[len(candidate.steps)-1].Command}}
	cause.aspect, cause.name = p.classify(candidate)
	return cause
}

// investigate reduces a sighting to a witness, replays that and returns its cause. It returns no
// cause if the difference does not show reliably again. It records the replays in the sighting. If
// the budget runs out after a witness was found, it returns the cause along with errBudgetSpent.
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

// preferList replaces a last step that collects messages by one that reads the list of online
// accounts or of friends, if that list differs too. The collected notices only announce changes of
// these lists, so the list is the clearer witness.
func (p *serverPair) preferList(ctx context.Context, candidate *witness) error {
	last := len(candidate.steps) - 1
	if p.file.VerbOf(candidate.steps[last]) != experiment.VerbReceive {
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
	for _, step := range p.file.StepsOf(verb, candidate.steps[last].Role, "") {
		step.Place = candidate.steps[last].Place
		steps := append(slices.Clone(candidate.steps[:last]), step)
		if ok, err := p.tryWitness(ctx, candidate, steps, nil); ok || err != nil {
			return err
		}
	}
	return nil
}

// replayCause repeats the witness and counts in cause how often it shows the difference. steady
// reports that at most one replay failed to show it. A field that one server alone fills
// differently each time is volatile and no longer counts; if nothing else differs, the cause has no
// points left.
func (p *serverPair) replayCause(ctx context.Context, cause *differenceCause) (steady bool, err error) {
	last := len(cause.steps) - 1
	for range requiredReplays(cause.steps) {
		points, traceA, traceB, err := p.reproduce(ctx, cause.steps, cause.nonce, nil)
		if errors.Is(err, errBudgetSpent) && cause.timesShown > 0 {
			return true, nil // Difference.Replayed shows the smaller number
		}
		if err != nil {
			return false, err
		}
		cause.replays++
		if traceA == nil {
			continue
		}
		p.noteVolatileFields(cause.steps[last], &cause.traceA.Answers[last], &traceA.Answers[last])
		p.noteVolatileFields(cause.steps[last], &cause.traceB.Answers[last], &traceB.Answers[last])
		if haveCommonPoint(points, cause.points) {
			cause.timesShown++
		}
		cause.points = p.compareAnswers(cause.steps[last], &cause.traceA.Answers[last], &cause.traceB.Answers[last])
		if len(cause.points) == 0 {
			return false, nil
		}
	}
	return cause.timesShown >= cause.replays-1, nil
}

// noteVolatileFields records the fields in which two answers of the same server differ.
func (p *serverPair) noteVolatileFields(step experiment.Step, x, y *lab.Answer) {
	if x.Kind() != "record" || y.Kind() != "record" {
		return
	}
	for _, fieldA := range x.Fields {
		if field, ok := y.Field(fieldA.Key); ok && field.Value != fieldA.Value && fieldA.Key != p.file.Answer.CodeKey {
			p.volatileFields[step.Command+"|"+fieldA.Key] = true
		}
	}
}

// explains reports whether a sighting follows from a known cause: it has a point in common with the
// cause and an affected command, or its experiment contains all essential steps of the witness, in
// order.
func (p *serverPair) explains(cause *differenceCause, s *sighting) bool {
	end := s.steps[len(s.steps)-1]
	if haveCommonPoint(s.points, cause.points) &&
		(slices.Contains(cause.commands, end.Command) || len(cause.commands) >= 3) &&
		hasSameChanges(cause.steps, s.steps) {
		return true
	}
	essential := p.essentialSteps(cause)
	if len(essential) == 0 {
		return false
	}
	index := 0
	for _, step := range s.steps {
		if index < len(essential) && coversStep(step, essential[index]) {
			index++
		}
	}
	return index == len(essential)
}

// hasSameChanges reports whether the last step of another experiment has all changes of a cause's
// last step.
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

// essentialSteps returns the steps that bring about the difference: all but plain logins and a last
// step without changes, which only makes the difference visible.
func (p *serverPair) essentialSteps(cause *differenceCause) []experiment.Step {
	var essential []experiment.Step
	for i, step := range cause.steps {
		isPlainLogin := p.file.VerbOf(step) == experiment.VerbLogin && len(step.Changes) == 0 && step.Place == 0
		isObservation := i == len(cause.steps)-1 && len(step.Changes) == 0
		if !isPlainLogin && !isObservation {
			essential = append(essential, step)
		}
	}
	return essential
}

// coversStep reports whether step is the same kind of request as wanted, whatever its role, and has
// at least the changes of wanted. Any wait covers any other.
func coversStep(step, wanted experiment.Step) bool {
	if wanted.Wait > 0 {
		return step.Wait > 0
	}
	if step.Command != wanted.Command || step.Verb != wanted.Verb || step.HTTPForm != wanted.HTTPForm {
		return false
	}
	for _, c := range wanted.Changes {
		if !slices.ContainsFunc(
			step.Changes,
			func(change experiment.PairChange) bool { return change.Kind == c.Kind && change.Key == c.Key },
		) {
			return false
		}
	}
	return true
}

// mergeCause adds the commands of cause to an earlier one with the same aspect and name. It reports
// false if there is none.
func (p *serverPair) mergeCause(causes []*differenceCause, cause *differenceCause) bool {
	for _, earlier := range causes {
		if earlier.aspect == cause.aspect && earlier.name == cause.name {
			for _, command := range cause.commands {
				if !slices.Contains(earlier.commands, command) {
					earlier.commands = append(earlier.commands, command)
				}
			}
			return true
		}
	}
	return false
}

// sortCauses sorts by successful replays, then by the complexity of the witness.
func sortCauses(causes []*differenceCause) {
	slices.SortStableFunc(causes, func(x, y *differenceCause) int {
		if x.timesShown != y.timesShown {
			return y.timesShown - x.timesShown
		}
		return complexity(x.steps) - complexity(y.steps)
	})
}

// newDifference converts a cause to its form in reports. The command "*" stands for three or more
// commands, or for an unknown one.
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
		difference.Witness = append(difference.Witness,
			p.pairExchange(step, &cause.traceA.Answers[i], &cause.traceB.Answers[i]))
	}
	appendNonBodyDifferences(&difference.Witness[len(difference.Witness)-1], cause.points)
	return difference
}

// appendNonBodyDifferences appends the difference points, such as a status, to the answers of the
// last exchange if these read the same. The report would otherwise show no difference.
func appendNonBodyDifferences(last *finding.PairedExchange, points []differencePoint) {
	if last.A != last.B {
		return
	}
	for _, point := range points {
		last.A += fmt.Sprintf(" (%s: %s)", point.kind, point.valueA)
		last.B += fmt.Sprintf(" (%s: %s)", point.kind, point.valueB)
	}
}

// isUnknownCommand reports whether the last step of a witness sends another command name than the
// file declares.
func (p *serverPair) isUnknownCommand(cause *differenceCause) bool {
	end := cause.steps[len(cause.steps)-1]
	command, ok := p.file.Command(end.Command)
	return ok && slices.ContainsFunc(end.Changes, func(change experiment.PairChange) bool {
		return change.Kind == experiment.SetValue &&
			p.file.TypeOf(command, change.Key).Type == experiment.TypeCommandName
	})
}

// summarize describes a cause in one line: the command, what differs, and the witness.
func (p *serverPair) summarize(cause *differenceCause, command string) string {
	var parts []string
	for _, point := range cause.points {
		what := point.kind
		if point.key != "" {
			what = point.key
		}
		parts = append(parts,
			fmt.Sprintf("%s is %q on A and %q on B", what, truncate(point.valueA), truncate(point.valueB)))
	}
	if command == "*" {
		command = "several commands"
	}
	return fmt.Sprintf("%s: %s (%s)", command, strings.Join(parts, "; "), p.formatSteps(cause.steps))
}

func (p *serverPair) formatSteps(steps []experiment.Step) string {
	lines := make([]string, len(steps))
	for i, step := range steps {
		lines[i] = truncate(p.file.FormatStep(step))
	}
	return strings.Join(lines, "; ")
}

// truncate shortens a string for summaries, at a character boundary.
func truncate(s string) string {
	const maxBytes = 120
	if len(s) <= maxBytes {
		return s
	}
	for i := maxBytes; ; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i] + "..."
		}
	}
}

// pairExchange returns a step of a witness with the answers of both servers.
func (p *serverPair) pairExchange(step experiment.Step, answerA, answerB *lab.Answer) finding.PairedExchange {
	exchange := finding.PairedExchange{Step: p.file.FormatStep(step), Wait: step.Wait.Seconds()}
	if step.Wait > 0 {
		return exchange
	}
	exchange.Role, exchange.HTTP = step.Role, step.HTTPForm
	if step.Place > 0 {
		exchange.From = p.file.Places[step.Place]
	}
	if utf8.Valid(answerA.Request) {
		exchange.Request = string(answerA.Request)
	} else {
		exchange.RequestBase64 = answerA.Request
	}
	exchange.A, exchange.B = p.formatAnswer(answerA), p.formatAnswer(answerB)
	return exchange
}

// formatAnswer returns an answer as witnesses show it.
func (p *serverPair) formatAnswer(answer *lab.Answer) string {
	switch answer.Kind() {
	case "nothing":
		return "(no answer: " + answer.Fault + ")"
	case "status":
		return fmt.Sprintf("(status %d) %s", answer.Status, answer.Body)
	}
	return string(answer.Body)
}
