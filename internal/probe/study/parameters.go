package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A trial is what became of one variant.
type variantTrial struct {
	parameterVariant
	trace   *lab.Trace
	at, end int    // the request's answer, and behind the last that shows effects
	forms   string // of the answer, and of where its effects show
	outcome string
}

// A task is one parameter of one command that is to be tried.
type parameterTask struct {
	step      experiment.Step
	command   *experiment.Command
	parameter experiment.Parameter
	variants  []parameterVariant
	// brief says that the parameter is tried in few ways, to be looked at closely later.
	brief bool
	// coarse says that only the request's own answer is looked at.
	coarse bool
}

// The turns in which parameters are tried.
const (
	ownOfReads    = iota // what only one command has, where nothing is changed by trying
	common               // what all commands have, on one that lists something
	ownOfChanges         // what only one command has, where each try needs looking around
	commonAgain          // what all commands have, in a few ways, where it changes something
	commonBriefly        // and on all others, in a few ways and without looking around
	turns
)

// breadth tries each parameter of each command in the few ways that tell most, before
// anything is looked at closely.
func (s *study) breadth() error {
	for _, tasks := range s.tasks(telling) {
		for i := range tasks {
			tasks[i].brief = true
		}
		if _, err := s.tryTasks(tasks); err != nil {
			return err
		}
	}
	return nil
}

// telling reports whether a variant is tried with every parameter: without it, empty,
// with a value that the file lists, and with what is none.
func telling(t *parameterTask, v parameterVariant) bool {
	switch v.name {
	case "absent", "empty", "x", "0", "wrong", "the secret itself", "9.9", "Xyzzy":
		return true
	}
	return slices.Contains(t.parameter.Values, v.name)
}

// parameters tries each parameter of each command in many ways, and then finds
// where values stop being taken.
func (s *study) parameters() error {
	var edges []func() error
	for _, tasks := range s.tasks(func(*parameterTask, parameterVariant) bool { return true }) {
		more, err := s.tryTasks(tasks)
		if err != nil {
			return err
		}
		edges = append(edges, more...)
	}
	if err := s.unknownKeys(); err != nil {
		return err
	}
	for _, find := range edges {
		if err := find(); err != nil {
			return err
		}
	}
	return nil
}

// tasks are all parameters of all commands, by turn, with the variants that are wanted.
func (s *study) tasks(wanted func(*parameterTask, parameterVariant) bool) (tasks [turns][]parameterTask) {
	for _, step := range s.purposes() {
		command, _ := s.File.Command(step.Command)
		for _, parameter := range s.parametersOf(command) {
			if s.fixedBy(step, parameter.Key) {
				continue
			}
			t := parameterTask{step: step, command: command, parameter: parameter, variants: s.variants(command, parameter)}
			turn := s.turn(&t)
			t.coarse = turn == commonBriefly
			t.variants = slices.DeleteFunc(t.variants, func(v parameterVariant) bool { return !s.worthwhile(&t, turn, v) || !wanted(&t, v) })
			tasks[turn] = append(tasks[turn], t)
		}
	}
	return tasks
}

// turn says when a parameter is tried.
func (s *study) turn(t *parameterTask) int {
	verb := s.File.VerbOf(t.step)
	switch {
	case isCommon(t.parameter.Type) && verb == vFriends:
		return common
	case isCommon(t.parameter.Type) && (verb == vLogin || verb == vSend):
		return commonAgain
	case isCommon(t.parameter.Type), t.step.Verb != "":
		return commonBriefly
	case s.isRead(t.step), verb == vLogin:
		return ownOfReads
	}
	return ownOfChanges
}

// worthwhile reports whether a variant is tried in a turn: how pairs are written is
// tried where it costs little.
func (s *study) worthwhile(t *parameterTask, turn int, v parameterVariant) bool {
	switch turn {
	case ownOfReads:
		if s.File.VerbOf(t.step) == vLogin {
			return v.plain || v.name == "absent"
		}
	case ownOfChanges:
		return v.name == "absent" || v.plain && v.name != "a space before" && v.name != "a space behind"
	case commonAgain:
		return shortList(v)
	case commonBriefly:
		return shortest(v)
	}
	return true
}

// shortest are the variants of keys that were tried with other commands.
func shortest(v parameterVariant) bool {
	switch v.name {
	case "absent", "another account", "9.9", "9999999", "oneself":
		return true
	}
	return false
}

// tryTasks tries the parameters of a turn, those of one command together. It
// returns what finds the edges.
func (s *study) tryTasks(tasks []parameterTask) (edges []func() error, err error) {
	for len(tasks) > 0 {
		n := 1
		for n < len(tasks) && tasks[n].command == tasks[0].command && tasks[n].step.Verb == tasks[0].step.Verb {
			n++
		}
		more, err := s.tryCommand(tasks[:n])
		if err != nil {
			return nil, err
		}
		edges = append(edges, more...)
		tasks = tasks[n:]
	}
	return edges, nil
}

// tryCommand tries parameters of one command.
func (s *study) tryCommand(tasks []parameterTask) (edges []func() error, err error) {
	commandContext := s.unitOf(tasks[0].step)
	if tasks[0].coarse {
		commandContext.after = nil
	}
	var all []parameterVariant
	for _, parameterTask := range tasks {
		all = append(all, parameterTask.variants...)
	}
	if cost := len(commandContext.steps()); !s.hasRoom(cost) {
		for _, parameterTask := range tasks {
			s.unreached.add(parameterTask.command.Name, parameterTask.parameter.Key, len(parameterTask.variants)*cost)
		}
		return nil, nil
	}
	base, trials, err := s.try(commandContext, all)
	if base == nil {
		return nil, err
	}
	for _, parameterTask := range tasks {
		variantJudge := s.verdictOf(&parameterTask, base, trials)
		variantJudge.judge()
		if !parameterTask.coarse {
			edges = append(edges, func() error { return variantJudge.edges(commandContext) })
		}
	}
	return edges, err
}

// verdictOf are the trials of one parameter.
func (s *study) verdictOf(t *parameterTask, base *variantTrial, trials []variantTrial) *variantJudge {
	v := &variantJudge{study: s, command: t.command, parameter: t.parameter, brief: t.brief}
	for i := range trials {
		if slices.ContainsFunc(t.variants, func(one parameterVariant) bool { return sameVariant(&one, &trials[i].parameterVariant) }) {
			one := trials[i]
			one.forms = s.echoForms(&one, t.parameter.Key)
			v.trials = append(v.trials, one)
		}
	}
	usual := *base
	if value, ok := baseValue(t.command, t.parameter.Key); ok && !strings.Contains(value, "{") {
		usual.value, usual.plain = value, true
	}
	usual.forms = s.echoForms(base, t.parameter.Key)
	v.base = &usual
	s.chart(t, v.base, v.trials)
	return v
}

func sameVariant(a, b *parameterVariant) bool {
	return a.name == b.name && len(a.changes) > 0 && slices.Equal(a.changes, b.changes)
}

// purposes are all commands, each for all that it does.
func (s *study) purposes() []experiment.Step {
	var all []experiment.Step
	for _, command := range s.File.Commands {
		all = append(all, experiment.Step{Role: s.a, Command: command.Name})
		for _, purpose := range command.Purposes[min(1, len(command.Purposes)):] {
			all = append(all, experiment.Step{Role: s.a, Command: command.Name, Verb: purpose.Verb})
		}
	}
	return all
}

// fixedBy reports whether it is the purpose that sets a key: another value would
// be another purpose.
func (s *study) fixedBy(step experiment.Step, key string) bool {
	command, _ := s.File.Command(step.Command)
	for _, purpose := range command.Purposes {
		if step.Verb != "" && purpose.Verb == step.Verb {
			return slices.ContainsFunc(purpose.Pairs, func(pair experiment.Pair) bool { return pair.Key == key })
		}
	}
	return false
}

// shortList are the variants of common keys that are tried with every command.
func shortList(v parameterVariant) bool {
	switch v.name {
	case "absent", "empty", "twice, the other last", "key in small letters", "another account", "9.9", "Xyzzy":
		return true
	}
	return false
}

// atOnce is how many variants of a request that changes nothing are tried in one
// experiment.
const atOnce = 18

// try tries variants. Where a request changes nothing several are sent in one
// experiment; if its base request is answered otherwise in the end, each is tried
// by itself. So it is with variants of others that are all refused.
func (s *study) try(u commandContext, variants []parameterVariant) (base *variantTrial, trials []variantTrial, err error) {
	rest := variants
	if u.pure {
		rest = nil
		for group := range slices.Chunk(variants, atOnce) {
			variantTrial, some, err := s.tryTogether(u, group)
			if err != nil {
				return base, trials, err
			}
			if variantTrial == nil {
				rest = append(rest, group...)
				continue
			}
			base, trials = variantTrial, append(trials, some...)
		}
	}
	if base == nil || len(rest) > 0 {
		if base, err = s.tryOne(u, parameterVariant{name: "base"}); err != nil || base == nil {
			return base, trials, err
		}
	}
	if !u.pure && s.File.VerbOf(u.step) != vLogin && s.File.VerbOf(u.step) != vLogout {
		trials, rest, err = s.trySweep(u, rest)
		if err != nil {
			return base, trials, err
		}
	}
	for _, v := range rest {
		variantTrial, err := s.tryOne(u, v)
		if err != nil {
			return base, trials, err
		}
		if variantTrial != nil {
			trials = append(trials, *variantTrial)
		}
	}
	return base, trials, nil
}

// trySweep sends variants of a request that may change something in a row, to see
// which are refused: these need no more. Done are those, rest the others, to be
// tried by themselves.
func (s *study) trySweep(u commandContext, variants []parameterVariant) (done []variantTrial, rest []parameterVariant, err error) {
	for group := range slices.Chunk(variants, atOnce) {
		steps := slices.Clone(u.before)
		for _, v := range group {
			step := u.step
			step.Changes = append(slices.Clone(step.Changes), v.changes...)
			steps = append(steps, step)
		}
		trace, err := s.run(append(append(steps, u.step), u.after...)...)
		if err != nil {
			return done, rest, err
		}
		if trace == nil {
			rest = append(rest, group...)
			continue
		}
		// What was done may be why what came behind it is refused, unless the base
		// request is still done in the end.
		steady := s.done(u.step, &trace.Answers[len(u.before)+len(group)])
		for i, v := range group {
			at := len(u.before) + i
			one := s.trialAt(v, trace, at, at+1)
			if steady && (one.outcome != "done" || len(u.after) == 0) {
				done = append(done, *one)
				continue
			}
			rest = append(rest, v)
		}
	}
	return done, rest, nil
}

// tryTogether tries variants in a row. Base is nil if they influence each other.
func (s *study) tryTogether(u commandContext, group []parameterVariant) (base *variantTrial, trials []variantTrial, err error) {
	steps := append(slices.Clone(u.before), u.step)
	for _, v := range group {
		step := u.step
		step.Changes = append(slices.Clone(step.Changes), v.changes...)
		steps = append(steps, step)
	}
	steps = append(steps, u.step)
	trace, err := s.run(steps...)
	if err != nil || trace == nil {
		return nil, nil, err
	}
	at := len(u.before)
	b := s.trialAt(parameterVariant{name: "base"}, trace, at, at+1)
	if s.form(u.step, &trace.Answers[last(trace)]) != b.forms {
		return nil, nil, nil
	}
	for i, v := range group {
		trials = append(trials, *s.trialAt(v, trace, at+1+i, at+2+i))
	}
	return b, trials, nil
}

// tryOne tries one variant in an experiment of its own.
func (s *study) tryOne(u commandContext, v parameterVariant) (*variantTrial, error) {
	trace, err := s.run(u.steps(v.changes...)...)
	if err != nil || trace == nil {
		return nil, err
	}
	return s.trialAt(v, trace, len(u.before), len(trace.Steps)), nil
}

func (s *study) trialAt(v parameterVariant, trace *lab.Trace, at, end int) *variantTrial {
	one := &variantTrial{parameterVariant: v, trace: trace, at: at, end: end, outcome: s.outcome(trace.Steps[at], &trace.Answers[at])}
	one.forms = s.echoForms(one, "")
	return one
}

// echoForms are the forms of the answers that belong to a trial. Where the request's
// answer echoes what the request had for a key, that is said, and not what it was:
// another value is no other answer.
func (s *study) echoForms(t *variantTrial, key string) string {
	var forms []string
	for i := t.at; i < t.end; i++ {
		answer := t.trace.Answers[i]
		if i == t.at && key != "" {
			answer.Fields = s.echoed(&answer, key)
		}
		forms = append(forms, s.form(t.trace.Steps[i], &answer))
	}
	return strings.Join(forms, "\n")
}

// echoed are the fields of an answer, with {echo} where one repeats what was sent.
func (s *study) echoed(answer *lab.Answer, key string) []lab.Field {
	sent := s.sentFor(answer, key)
	fields := slices.Clone(answer.Fields)
	for i, field := range fields {
		value := s.File.Syntax.Unescape(field.Raw)
		if field.Key == key && (slices.Contains(sent, value) || value == "" && len(sent) == 0) {
			fields[i].Value, fields[i].IsList = "{echo}", false
		}
	}
	return fields
}

// sentFor are the values that a request had for a key, in whatever letters.
func (s *study) sentFor(answer *lab.Answer, key string) []string {
	pairs, _ := s.File.Syntax.Decode(answer.Sent)
	var values []string
	for _, pair := range pairs {
		if strings.EqualFold(pair.Key, key) {
			values = append(values, strings.TrimSpace(s.File.Syntax.Unescape(pair.Value)))
		}
	}
	return values
}

// chart adds a row to the parameter matrix, or to one that is there what it has not.
func (s *study) chart(task *parameterTask, base *variantTrial, trials []variantTrial) {
	command, parameter := task.command, task.parameter
	line := s.File.FormatStep(task.step) + " " + parameter.Key
	at, known := s.rows[line]
	if !known {
		at = len(s.out.Matrix)
		s.rows[line] = at
		s.out.Matrix = append(s.out.Matrix, finding.MatrixRow{
			Command: command.Name, Key: parameter.Key, Type: string(parameter.Type), Base: exchange(&base.trace.Answers[base.at]),
		})
	}
	row := &s.out.Matrix[at]
	for _, variantTrial := range trials {
		if slices.ContainsFunc(row.Cells, func(cell finding.MatrixCell) bool { return cell.Variant == variantTrial.name }) {
			continue
		}
		answer := &variantTrial.trace.Answers[variantTrial.at]
		outcome := variantTrial.outcome
		if outcome == "done" {
			outcome = "other"
			if variantTrial.forms == base.forms {
				outcome = "same"
			}
		}
		row.Cells = append(row.Cells, finding.MatrixCell{
			Variant: variantTrial.name, Outcome: outcome, Code: answer.Value(s.File.Answer.CodeKey), Exchange: exchange(answer),
		})
	}
}

// unknownKeys adds a key that nobody knows, at both ends.
func (s *study) unknownKeys() error {
	for _, step := range s.purposes() {
		command, _ := s.File.Command(step.Command)
		commandContext := s.unitOf(step)
		if !commandContext.pure && s.File.VerbOf(step) != vLogin && s.File.VerbOf(step) != vSend {
			continue
		}
		base, trials, err := s.try(commandContext, []parameterVariant{
			{name: "a key more, first", changes: []experiment.PairChange{{Kind: experiment.PrependPair, Key: "XYZZY", Value: "1"}}},
			{name: "a key more, last", changes: []experiment.PairChange{{Kind: experiment.AppendPair, Key: "XYZZY", Value: "1"}}},
		})
		if err != nil {
			return err
		}
		if base == nil {
			continue
		}
		for _, variantTrial := range trials {
			value := "ignored"
			if variantTrial.forms != base.forms {
				value = "not ignored"
			}
			s.claim(finding.Fact{
				Command: command.Name, Aspect: finding.AspectParameter, Name: "an unknown key", Claim: variantTrial.name, Value: value,
				Statement: fmt.Sprintf("%s: %s is %s", command.Name, variantTrial.name, value),
			}, variantTrial.trace, variantTrial.at)
		}
	}
	return nil
}
