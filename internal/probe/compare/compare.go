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
	// Study is passed on: who is told of phases and facts. Its file, subject, budget
	// and seed are set here.
	Study study.Config
}

// forCauses is the part of the budget, in hundredths, with which differences are
// made small and replayed, once any were seen.
const forCauses = 14

// Run compares two servers and returns what the study found of the first, with
// the differences.
func Run(ctx context.Context, c Config) (*finding.Study, error) {
	serverPair := newPair(c.File, c.A, c.B)
	sc := c.Study
	sc.File, sc.Subject, sc.Seed = c.File, serverPair, c.Seed
	sc.MaxRequests = serverPair.most()
	sc.ReservedRequests = func() int {
		if len(serverPair.found) == 0 {
			return serverPair.most() / 50
		}
		return serverPair.most() * forCauses / 100
	}
	out, err := study.Run(ctx, sc)
	if err != nil {
		return out, err
	}
	causes, err := serverPair.causes(ctx)
	var stopped *lab.Stopped
	switch {
	case errors.As(err, &stopped):
		out.Stopped = stopped.Reason
	case errors.Is(err, errSpent):
	case err != nil:
		return out, err
	}
	for _, cause := range causes {
		out.Differences = append(out.Differences, serverPair.difference(cause))
	}
	for _, s := range serverPair.unshown(causes) {
		out.Sightings = append(out.Sightings, serverPair.difference(s))
	}
	return out, nil
}

// replays is how often a witness must show its difference: five times, and a long one
// twice, because the budget is for others too.
func replays(steps []experiment.Step) int {
	if len(steps) > longWitness {
		return 2
	}
	return 5
}

const longWitness = 60

// causes makes sightings small, puts them down to causes, and sorts these: the
// surest first.
func (p *serverPair) causes(ctx context.Context) (causes []*differenceCause, err error) {
	byWeight(p.found)
	for _, sighting := range p.found {
		if slices.ContainsFunc(causes, func(c *differenceCause) bool { return p.explains(c, sighting) }) {
			continue
		}
		var c *differenceCause
		c, err = p.cause(ctx, sighting)
		if c != nil && !p.merge(causes, c) {
			causes = append(causes, c)
		}
		if err != nil {
			break
		}
	}
	sortCauses(causes)
	return causes, err
}

// unshown are the sightings that no cause explains, each kind once, and of one
// experiment the first: they did not show again, or there was nothing left to look
// with.
func (p *serverPair) unshown(causes []*differenceCause) []*differenceCause {
	var all []*differenceCause
	for _, sighting := range p.found {
		same := func(c *differenceCause) bool {
			return c.a == sighting.a || c.commands[0] == sighting.steps[len(sighting.steps)-1].Command && alike(c.points, sighting.points)
		}
		explained := func(c *differenceCause) bool { return p.explains(c, sighting) }
		if sighting.isNoise || slices.ContainsFunc(all, same) || slices.ContainsFunc(causes, explained) {
			continue
		}
		c := p.named(&sighting.shortWitness)
		c.shown, c.of = sighting.shown, sighting.of
		all = append(all, c)
	}
	return all
}

// named is a witness with the side of the protocol that it is about.
func (p *serverPair) named(w *shortWitness) *differenceCause {
	c := &differenceCause{shortWitness: *w, commands: []string{w.steps[len(w.steps)-1].Command}}
	c.aspect, c.name = p.judge(w)
	return c
}

// differenceCause makes one sighting small and judges it; nil if it does not show again,
// which the sighting notes.
func (p *serverPair) cause(ctx context.Context, s *sighting) (*differenceCause, error) {
	p.reserving = true
	defer func() { p.reserving = false }()
	shortWitness, err := p.shrink(ctx, s)
	if shortWitness == nil {
		return nil, err
	}
	if err == nil {
		err = p.lookAtLists(ctx, shortWitness)
	}
	if err != nil && !errors.Is(err, errSpent) {
		return nil, err
	}
	p.reserving = false
	c := p.named(shortWitness)
	steady, failed := p.replay(ctx, c)
	s.shown, s.of, s.isNoise = c.shown, c.of, len(c.points) == 0
	if failed != nil || !steady {
		return nil, errors.Join(failed, err)
	}
	if err == nil {
		c.commands, err = p.spread(ctx, shortWitness)
	}
	return c, err
}

// lookAtLists looks at the list that a difference is about, in the place of the
// news that came of it, if it shows there too: news are an echo of what lists say.
func (p *serverPair) lookAtLists(ctx context.Context, w *shortWitness) error {
	end := len(w.steps) - 1
	if p.file.VerbOf(w.steps[end]) != experiment.VerbReceive {
		return nil
	}
	verb := experiment.VerbOnline
	switch aspect, _ := p.judge(w); aspect {
	case finding.AspectPresence:
	case finding.AspectFriendship:
		verb = experiment.VerbFriends
	default:
		return nil
	}
	for _, step := range p.file.StepsOf(verb, w.steps[end].Role, "") {
		step.Place = w.steps[end].Place
		steps := append(slices.Clone(w.steps[:end]), step)
		if ok, err := p.try(ctx, w, steps, nil); ok || err != nil {
			return err
		}
	}
	return nil
}

// replay sends the witness five times more. A field that one server itself
// answers differently each time is noise: the cause is none if nothing else is
// left of it.
func (p *serverPair) replay(ctx context.Context, c *differenceCause) (steady bool, err error) {
	end := len(c.steps) - 1
	for range replays(c.steps) {
		points, a, b, err := p.shows(ctx, c.steps, c.nonce, nil)
		if errors.Is(err, errSpent) && c.shown > 0 {
			return true, nil // Replayed says how often
		}
		if err != nil {
			return false, err
		}
		c.of++
		if a == nil {
			continue
		}
		p.maskNoise(c.steps[end], &c.a.Answers[end], &a.Answers[end])
		p.maskNoise(c.steps[end], &c.b.Answers[end], &b.Answers[end])
		if alike(points, c.points) {
			c.shown++
		}
		c.points = p.differ(c.steps[end], &c.a.Answers[end], &c.b.Answers[end])
		if len(c.points) == 0 {
			return false, nil
		}
	}
	return c.shown >= c.of-1, nil
}

// maskNoise notes the fields in which two answers of one server differ.
func (p *serverPair) maskNoise(step experiment.Step, x, y *lab.Answer) {
	if x.Kind() != "record" || y.Kind() != "record" {
		return
	}
	for _, f := range x.Fields {
		if field, ok := y.Field(f.Key); ok && field.Value != f.Value && f.Key != p.file.Answer.CodeKey {
			p.noise[step.Command+"|"+f.Key] = true
		}
	}
}

// explains reports whether a sighting is an echo of a cause that is known: the
// same difference, or one behind all that leads to the cause.
func (p *serverPair) explains(c *differenceCause, s *sighting) bool {
	end := s.steps[len(s.steps)-1]
	if alike(s.points, c.points) && (slices.Contains(c.commands, end.Command) || len(c.commands) >= 3) && sameChanges(c.steps, s.steps) {
		return true
	}
	essential := p.essential(c)
	if len(essential) == 0 {
		return false
	}
	i := 0
	for _, step := range s.steps {
		if i < len(essential) && covers(step, essential[i]) {
			i++
		}
	}
	return i == len(essential)
}

// sameChanges reports whether the changes that a cause needs are all in another
// experiment's last step.
func sameChanges(cause, other []experiment.Step) bool {
	for _, want := range cause[len(cause)-1].Changes {
		if !slices.ContainsFunc(other[len(other)-1].Changes, func(change experiment.PairChange) bool {
			return change.Kind == want.Kind && change.Key == want.Key
		}) {
			return false
		}
	}
	return true
}

// essential are the steps of a cause that lead to it: all but plain logins and
// the last, which only looks.
func (p *serverPair) essential(c *differenceCause) []experiment.Step {
	var out []experiment.Step
	for i, step := range c.steps {
		plain := p.file.VerbOf(step) == experiment.VerbLogin && len(step.Changes) == 0 && step.Place == 0
		look := i == len(c.steps)-1 && len(step.Changes) == 0
		if !plain && !look {
			out = append(out, step)
		}
	}
	return out
}

// covers reports whether a step does what another does.
func covers(step, want experiment.Step) bool {
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

// merge adds a cause to one that is the same for another command.
func (p *serverPair) merge(causes []*differenceCause, c *differenceCause) bool {
	for _, known := range causes {
		if known.aspect == c.aspect && known.name == c.name {
			for _, command := range c.commands {
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
		if x.shown != y.shown {
			return y.shown - x.shown
		}
		return weight(x.steps) - weight(y.steps)
	})
}

// difference is a cause as reports have it.
func (p *serverPair) difference(c *differenceCause) finding.ServerDifference {
	difference := finding.ServerDifference{
		Command: c.commands[0], Aspect: c.aspect, Name: c.name, Commands: c.commands,
		Replayed: fmt.Sprintf("%d of %d", c.shown, c.of),
	}
	if len(c.commands) >= 3 || p.unknownCommand(c) {
		difference.Command = "*"
	}
	difference.Summary = p.summary(c, difference.Command)
	for i, step := range c.steps {
		difference.Witness = append(difference.Witness, p.both(step, &c.a.Answers[i], &c.b.Answers[i]))
	}
	tellHead(&difference.Witness[len(difference.Witness)-1], c.points)
	return difference
}

// tellHead adds to equal bodies in what the rest of the answers differs.
func tellHead(last *finding.PairedExchange, points []differencePoint) {
	if last.A != last.B {
		return
	}
	for _, x := range points {
		last.A += fmt.Sprintf(" (%s: %s)", x.kind, x.a)
		last.B += fmt.Sprintf(" (%s: %s)", x.kind, x.b)
	}
}

// unknownCommand reports whether what differs is the answer to a command that
// there is not.
func (p *serverPair) unknownCommand(c *differenceCause) bool {
	end := c.steps[len(c.steps)-1]
	command, ok := p.file.Command(end.Command)
	return ok && slices.ContainsFunc(end.Changes, func(change experiment.PairChange) bool {
		return change.Kind == experiment.SetValue && p.file.TypeOf(command, change.Key).Type == experiment.TypeCommandName
	})
}

func (p *serverPair) summary(c *differenceCause, command string) string {
	var parts []string
	for _, x := range c.points {
		what := x.kind
		if x.key != "" {
			what = x.key
		}
		parts = append(parts, fmt.Sprintf("%s is %q on A and %q on B", what, clip(x.a), clip(x.b)))
	}
	if command == "*" {
		command = "several commands"
	}
	return fmt.Sprintf("%s: %s (%s)", command, strings.Join(parts, "; "), p.story(c.steps))
}

// story tells the steps in their notation.
func (p *serverPair) story(steps []experiment.Step) string {
	lines := make([]string, len(steps))
	for i, step := range steps {
		lines[i] = clip(p.file.FormatStep(step))
	}
	return strings.Join(lines, "; ")
}

func clip(s string) string {
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

func (p *serverPair) both(step experiment.Step, a, b *lab.Answer) finding.PairedExchange {
	out := finding.PairedExchange{Step: p.file.FormatStep(step), Wait: step.Wait.Seconds()}
	if step.Wait > 0 {
		return out
	}
	out.Role, out.HTTP = step.Role, step.HTTPForm
	if step.Place > 0 {
		out.From = p.file.Places[step.Place]
	}
	if utf8.Valid(a.Sent) {
		out.Request = string(a.Sent)
	} else {
		out.RequestBase64 = a.Sent
	}
	out.A, out.B = p.told(a), p.told(b)
	return out
}

// told is an answer as a witness shows it.
func (p *serverPair) told(answer *lab.Answer) string {
	switch answer.Kind() {
	case "nothing":
		return "(no answer: " + answer.Fault + ")"
	case "status":
		return fmt.Sprintf("(status %d) %s", answer.Status, answer.Body)
	}
	return string(answer.Body)
}
