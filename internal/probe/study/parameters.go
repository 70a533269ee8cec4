package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// variantTrial is the result of one variant. trace.Answers[index] is the answer to the changed
// request. The answers behind it, up to but not including endIndex, show the effects.
type variantTrial struct {
	parameterVariant
	trace           *lab.Trace
	index, endIndex int
	normalForm      string // of the answers from index to endIndex
	outcome         string // of the answer at index, as outcomeOf returns it
}

// parameterTask is one parameter of one command to try.
type parameterTask struct {
	step      experiment.Step
	command   *experiment.Command
	parameter experiment.Parameter
	variants  []parameterVariant
	// isProvisional says that a later phase tries more variants of the parameter.
	isProvisional bool
	// ownAnswerOnly leaves out the observations of the trial plan.
	ownAnswerOnly bool
}

// Turns in which parameters are tried, so that a small budget reaches the most informative ones. Common
// keys are those that all commands have.
const (
	ownKeysOfReads      = iota // keys of one command that changes nothing
	commonKeys                 // common keys, in a command that lists something
	ownKeysOfChanges           // keys of one command with effects, which need observation
	commonKeysOfChanges        // common keys, in a few ways, in commands with effects
	commonKeysBriefly          // common keys, in a few ways and without observation, in all others
	turnCount
)

// tryParametersBriefly tries a few informative variants of each parameter. The parameters phase tries
// the others later.
func (s *study) tryParametersBriefly() error {
	for _, tasks := range s.parameterTasks(isBriefVariant) {
		for i := range tasks {
			tasks[i].isProvisional = true
		}
		if _, err := s.tryTasks(tasks); err != nil {
			return err
		}
	}
	return nil
}

// isBriefVariant reports whether a variant belongs to the brief trial: absent, empty, a listed value, or
// an invalid one.
func isBriefVariant(task *parameterTask, variant parameterVariant) bool {
	brief := []string{"absent", "empty", "x", "0", "wrong", "the secret itself", "9.9", "Xyzzy"}
	return slices.Contains(brief, variant.name) || slices.Contains(task.parameter.Values, variant.name)
}

// studyParameters tries all variants of each parameter, and then searches for the limits of its values.
func (s *study) studyParameters() error {
	var edges []func() error
	for _, tasks := range s.parameterTasks(func(*parameterTask, parameterVariant) bool { return true }) {
		more, err := s.tryTasks(tasks)
		if err != nil {
			return err
		}
		edges = append(edges, more...)
	}
	return runInOrder(append([]func() error{s.tryUnknownKeys}, edges...)...)
}

// parameterTasks returns all parameters of all commands, indexed by turn, with the variants for which
// wanted returns true.
func (s *study) parameterTasks(wanted func(*parameterTask, parameterVariant) bool) (tasks [turnCount][]parameterTask) {
	for _, step := range s.purposeSteps() {
		command, _ := s.File.Command(step.Command)
		for _, parameter := range s.parametersOf(command) {
			if s.isFixedByPurpose(step, parameter.Key) {
				continue
			}
			task := parameterTask{step: step, command: command, parameter: parameter,
				variants: s.parameterVariants(command, parameter)}
			turn := s.turnOf(&task)
			task.ownAnswerOnly = turn == commonKeysBriefly
			task.variants = slices.DeleteFunc(task.variants, func(variant parameterVariant) bool {
				return !s.isWorthwhile(&task, turn, variant) || !wanted(&task, variant)
			})
			tasks[turn] = append(tasks[turn], task)
		}
	}
	return tasks
}

// turnOf returns the turn in which a parameter is tried.
func (s *study) turnOf(task *parameterTask) int {
	verb := s.File.VerbOf(task.step)
	switch {
	case isCommonType(task.parameter.Type) && verb == verbFriends:
		return commonKeys
	case isCommonType(task.parameter.Type) && (verb == verbLogin || verb == verbSend):
		return commonKeysOfChanges
	case isCommonType(task.parameter.Type), task.step.Verb != "":
		return commonKeysBriefly
	case s.isReadOnly(task.step), verb == verbLogin:
		return ownKeysOfReads
	}
	return ownKeysOfChanges
}

// isWorthwhile reports whether a variant is tried in a turn. Variants of notation are tried only
// where they cost few requests.
func (s *study) isWorthwhile(task *parameterTask, turn int, variant parameterVariant) bool {
	switch turn {
	case ownKeysOfReads:
		if s.File.VerbOf(task.step) == verbLogin {
			return variant.isPlainValue || variant.name == "absent"
		}
	case ownKeysOfChanges:
		return variant.name == "absent" || variant.isPlainValue && variant.name != "a space before" &&
			variant.name != "a space after"
	case commonKeysOfChanges:
		return isShortVariant(variant)
	case commonKeysBriefly:
		return isShortestVariant(variant)
	}
	return true
}

// isShortestVariant selects variants for keys that were tried with other commands.
func isShortestVariant(variant parameterVariant) bool {
	return slices.Contains([]string{"absent", "another account", "9.9", "9999999", "oneself"}, variant.name)
}

// tryTasks tries the parameters of a turn, one command at a time. It returns functions that search
// for the limits of values, which the caller may call later.
func (s *study) tryTasks(tasks []parameterTask) (edges []func() error, err error) {
	for len(tasks) > 0 {
		count := 1
		for count < len(tasks) && tasks[count].command == tasks[0].command &&
			tasks[count].step.Verb == tasks[0].step.Verb {
			count++
		}
		more, err := s.tryCommand(tasks[:count])
		if err != nil {
			return nil, err
		}
		edges = append(edges, more...)
		tasks = tasks[count:]
	}
	return edges, nil
}

// tryCommand tries parameters that all belong to one command and purpose.
func (s *study) tryCommand(tasks []parameterTask) (edges []func() error, err error) {
	plan := s.planTrial(tasks[0].step)
	if tasks[0].ownAnswerOnly {
		plan.observations = nil
	}
	var variants []parameterVariant
	for _, task := range tasks {
		variants = append(variants, task.variants...)
	}
	if cost := len(plan.stepsWith()); !s.hasRoom(cost) {
		for _, task := range tasks {
			s.skipped.add(task.command.Name, task.parameter.Key, len(task.variants)*cost)
		}
		return nil, nil
	}
	baseTrial, trials, err := s.tryVariants(plan, variants)
	if baseTrial == nil {
		return nil, err
	}
	for _, task := range tasks {
		judge := s.newJudge(&task, baseTrial, trials)
		judge.judgeTrials()
		if !task.ownAnswerOnly {
			edges = append(edges, func() error { return judge.findBounds(plan) })
		}
	}
	return edges, err
}

// newJudge returns the judge of one parameter with those of the trials that changed the parameter.
func (s *study) newJudge(task *parameterTask, baseTrial *variantTrial, trials []variantTrial) *parameterJudge {
	judge := &parameterJudge{study: s, command: task.command, parameter: task.parameter,
		isProvisional: task.isProvisional}
	for i := range trials {
		if slices.ContainsFunc(task.variants,
			func(variant parameterVariant) bool { return isSameVariant(&variant, &trials[i].parameterVariant) }) {
			trial := trials[i]
			trial.normalForm = s.trialForm(&trial, task.parameter.Key)
			judge.trials = append(judge.trials, trial)
		}
	}
	baseCopy := *baseTrial
	if value, ok := baseValue(task.command, task.parameter.Key); ok && !strings.Contains(value, "{") {
		baseCopy.value, baseCopy.isPlainValue = value, true
	}
	baseCopy.normalForm = s.trialForm(baseTrial, task.parameter.Key)
	judge.base = &baseCopy
	s.addMatrixRow(task, judge.base, judge.trials)
	return judge
}

func isSameVariant(a, b *parameterVariant) bool {
	return a.name == b.name && len(a.changes) > 0 && slices.Equal(a.changes, b.changes)
}

// purposeSteps returns one step of the actor for each purpose of each command. The first purpose of a
// command is that of its base request and leaves Step.Verb empty.
func (s *study) purposeSteps() []experiment.Step {
	var steps []experiment.Step
	for _, command := range s.File.Commands {
		steps = append(steps, experiment.Step{Role: s.actor, Command: command.Name})
		for _, purpose := range command.Purposes[min(1, len(command.Purposes)):] {
			steps = append(steps, experiment.Step{Role: s.actor, Command: command.Name, Verb: purpose.Verb})
		}
	}
	return steps
}

// isFixedByPurpose reports whether the purpose of a step determines the value of a key. With another
// value the step would serve another purpose.
func (s *study) isFixedByPurpose(step experiment.Step, key string) bool {
	command, _ := s.File.Command(step.Command)
	for _, purpose := range command.Purposes {
		if step.Verb != "" && purpose.Verb == step.Verb {
			return slices.ContainsFunc(purpose.Pairs, func(pair experiment.Pair) bool { return pair.Key == key })
		}
	}
	return false
}

// isShortVariant selects variants for common keys in commands with effects.
func isShortVariant(variant parameterVariant) bool {
	return slices.Contains([]string{
		"absent", "empty", "twice, the other last", "key in small letters", "another account", "9.9", "Xyzzy",
	}, variant.name)
}

// variantsPerExperiment is how many variants of one request an experiment tries.
const variantsPerExperiment = 18

// tryVariants tries variants of a request. To save requests, variants without effects share an
// experiment, and so do variants that are refused. If the base request is answered differently at the
// end of a shared experiment, each variant gets an experiment of its own. baseTrial is nil if nothing
// could be tried.
func (s *study) tryVariants(
	plan trialPlan, variants []parameterVariant,
) (baseTrial *variantTrial, trials []variantTrial, err error) {
	remaining := variants
	if plan.isReadOnly {
		remaining = nil
		for group := range slices.Chunk(variants, variantsPerExperiment) {
			trial, groupTrials, err := s.tryTogether(plan, group)
			if err != nil {
				return baseTrial, trials, err
			}
			if trial == nil {
				remaining = append(remaining, group...)
				continue
			}
			baseTrial, trials = trial, append(trials, groupTrials...)
		}
	}
	if baseTrial == nil || len(remaining) > 0 {
		if baseTrial, err = s.tryVariant(plan, parameterVariant{name: "base"}); err != nil || baseTrial == nil {
			return baseTrial, trials, err
		}
	}
	if !plan.isReadOnly && s.File.VerbOf(plan.request) != verbLogin && s.File.VerbOf(plan.request) != verbLogout {
		trials, remaining, err = s.trySweep(plan, remaining)
		if err != nil {
			return baseTrial, trials, err
		}
	}
	for _, variant := range remaining {
		trial, err := s.tryVariant(plan, variant)
		if err != nil {
			return baseTrial, trials, err
		}
		if trial != nil {
			trials = append(trials, *trial)
		}
	}
	return baseTrial, trials, nil
}

// trySweep sends variants of a request with effects in a row. Those that are refused have no effects,
// so their trials are complete. The remaining ones need an experiment of their own.
func (s *study) trySweep(
	plan trialPlan, variants []parameterVariant,
) (done []variantTrial, remaining []parameterVariant, err error) {
	for group := range slices.Chunk(variants, variantsPerExperiment) {
		steps := slices.Clone(plan.setup)
		for _, variant := range group {
			steps = append(steps, plan.requestWith(variant.changes))
		}
		trace, err := s.runExperiment(append(append(steps, plan.request), plan.observations...)...)
		if err != nil {
			return done, remaining, err
		}
		if trace == nil {
			remaining = append(remaining, group...)
			continue
		}
		// A refusal may be due to an earlier variant, unless the base request still succeeds at the
		// end.
		steady := s.isDone(plan.request, &trace.Answers[len(plan.setup)+len(group)])
		for i, variant := range group {
			index := len(plan.setup) + i
			trial := s.newTrial(variant, trace, index, index+1)
			if steady && (trial.outcome != "done" || len(plan.observations) == 0) {
				done = append(done, *trial)
				continue
			}
			remaining = append(remaining, variant)
		}
	}
	return done, remaining, nil
}

// tryTogether tries variants in one experiment, between two base requests. base is nil if the base
// requests are answered differently, because the variants then influence each other.
func (s *study) tryTogether(
	plan trialPlan, group []parameterVariant,
) (base *variantTrial, trials []variantTrial, err error) {
	steps := append(slices.Clone(plan.setup), plan.request)
	for _, variant := range group {
		steps = append(steps, plan.requestWith(variant.changes))
	}
	steps = append(steps, plan.request)
	trace, err := s.runExperiment(steps...)
	if err != nil || trace == nil {
		return nil, nil, err
	}
	index := len(plan.setup)
	b := s.newTrial(parameterVariant{name: "base"}, trace, index, index+1)
	if s.normalForm(plan.request, &trace.Answers[lastIndex(trace)]) != b.normalForm {
		return nil, nil, nil
	}
	for i, variant := range group {
		trials = append(trials, *s.newTrial(variant, trace, index+1+i, index+2+i))
	}
	return b, trials, nil
}

// tryVariant tries one variant in its own experiment.
func (s *study) tryVariant(plan trialPlan, variant parameterVariant) (*variantTrial, error) {
	trace, err := s.runExperiment(plan.stepsWith(variant.changes...)...)
	if err != nil || trace == nil {
		return nil, err
	}
	return s.newTrial(variant, trace, len(plan.setup), len(trace.Steps)), nil
}

func (s *study) newTrial(variant parameterVariant, trace *lab.Trace, index, end int) *variantTrial {
	trial := &variantTrial{parameterVariant: variant, trace: trace, index: index, endIndex: end,
		outcome: s.outcomeOf(trace.Steps[index], &trace.Answers[index])}
	trial.normalForm = s.trialForm(trial, "")
	return trial
}

// trialForm returns the normal forms of the answers of a trial. In the first answer it replaces an echo
// of the key's value, so that answers that differ only in the echo count as equal. key may be "".
func (s *study) trialForm(trial *variantTrial, key string) string {
	var forms []string
	for i := trial.index; i < trial.endIndex; i++ {
		answer := trial.trace.Answers[i]
		if i == trial.index && key != "" {
			answer.Fields = s.maskEchoes(&answer, key)
		}
		forms = append(forms, s.normalForm(trial.trace.Steps[i], &answer))
	}
	return strings.Join(forms, "\n")
}

// maskEchoes returns the fields of an answer, with {echo} in place of a repeated value.
func (s *study) maskEchoes(answer *lab.Answer, key string) []lab.Field {
	sent := s.sentValues(answer, key)
	fields := slices.Clone(answer.Fields)
	for i, field := range fields {
		value := s.File.Syntax.Unescape(field.Raw)
		if field.Key == key && (slices.Contains(sent, value) || value == "" && len(sent) == 0) {
			fields[i].Value, fields[i].IsList = "{echo}", false
		}
	}
	return fields
}

// sentValues returns the values that a request had for a key in any case.
func (s *study) sentValues(answer *lab.Answer, key string) []string {
	pairs, _ := s.File.Syntax.Decode(answer.Request)
	var values []string
	for _, pair := range pairs {
		if strings.EqualFold(pair.Key, key) {
			values = append(values, strings.TrimSpace(s.File.Syntax.Unescape(pair.Value)))
		}
	}
	return values
}

// addMatrixRow adds the trials to the parameter's row of the matrix.
func (s *study) addMatrixRow(task *parameterTask, baseTrial *variantTrial, trials []variantTrial) {
	command, parameter := task.command, task.parameter
	line := s.File.FormatStep(task.step) + " " + parameter.Key
	index, known := s.matrixRows[line]
	if !known {
		index = len(s.findings.Matrix)
		s.matrixRows[line] = index
		s.findings.Matrix = append(s.findings.Matrix, finding.MatrixRow{
			Command: command.Name, Key: parameter.Key, Type: string(parameter.Type),
			Base: exchangeOf(&baseTrial.trace.Answers[baseTrial.index]),
		})
	}
	row := &s.findings.Matrix[index]
	for _, trial := range trials {
		if slices.ContainsFunc(row.Cells, func(cell finding.MatrixCell) bool { return cell.Variant == trial.name }) {
			continue
		}
		answer := &trial.trace.Answers[trial.index]
		outcome := trial.outcome
		if outcome == "done" {
			outcome = "other"
			if trial.normalForm == baseTrial.normalForm {
				outcome = "same"
			}
		}
		row.Cells = append(row.Cells, finding.MatrixCell{
			Variant: trial.name, Outcome: outcome, Code: answer.Value(s.File.Answer.CodeKey),
			Exchange: exchangeOf(answer),
		})
	}
}

// tryUnknownKeys adds an unknown key at the beginning and at the end.
func (s *study) tryUnknownKeys() error {
	for _, step := range s.purposeSteps() {
		command, _ := s.File.Command(step.Command)
		plan := s.planTrial(step)
		if !plan.isReadOnly && s.File.VerbOf(step) != verbLogin && s.File.VerbOf(step) != verbSend {
			continue
		}
		baseTrial, trials, err := s.tryVariants(plan, []parameterVariant{
			{name: "a key more, first",
				changes: []experiment.PairChange{{Kind: experiment.PrependPair, Key: "XYZZY", Value: "1"}}},
			{name: "a key more, last",
				changes: []experiment.PairChange{{Kind: experiment.AppendPair, Key: "XYZZY", Value: "1"}}},
		})
		if err != nil {
			return err
		}
		if baseTrial == nil {
			continue
		}
		for _, trial := range trials {
			value := "ignored"
			if trial.normalForm != baseTrial.normalForm {
				value = "not ignored"
			}
			s.stateFact(finding.Fact{
				Command: command.Name, Aspect: finding.AspectParameter, Name: "an unknown key", Claim: trial.name,
				Value:     value,
				Statement: fmt.Sprintf("%s: %s is %s", command.Name, trial.name, value),
			}, trial.trace, trial.index)
		}
	}
	return nil
}
