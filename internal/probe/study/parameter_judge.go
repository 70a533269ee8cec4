package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

// parameterJudge draws conclusions from the trials of one parameter. A trial is one request with a
// changed parameter. Its normal form is compared with that of the base request.
type parameterJudge struct {
	*study
	command   *experiment.Command
	parameter experiment.Parameter
	base      *variantTrial  // the unchanged request
	trials    []variantTrial // those of this parameter only
	// isProvisional says that more trials follow, which may change conclusions from all trials
	// together.
	isProvisional bool
}

// judgeTrials states everything that the trials show.
func (v *parameterJudge) judgeTrials() {
	v.judgePresence()
	v.judgeKeyCase()
	v.judgeDuplicates()
	v.judgePosition()
	v.judgeEscapes()
	v.judgeInfluence()
	if v.parameter.Type == experiment.TypeCount {
		v.judgeCountBounds()
	}
	v.judgeValues()
}

// trialNamed returns the trial of a variant, nil if it was not run.
func (v *parameterJudge) trialNamed(name string) *variantTrial {
	for i := range v.trials {
		if v.trials[i].name == name {
			return &v.trials[i]
		}
	}
	return nil
}

// stateParameter states a fact about the parameter that a trial shows.
func (v *parameterJudge) stateParameter(trial *variantTrial, claim, value, statement string) *statedFact {
	fact := finding.Fact{
		Command: v.command.Name, Aspect: finding.AspectParameter, Name: v.parameter.Key, Claim: claim, Value: value,
		Statement: fmt.Sprintf("%s: %s %s", v.command.Name, v.parameter.Key, statement),
	}
	if proof := v.proofOf(trial); proof != "" {
		fact.Statement += ", " + proof
	}
	stated := v.stateFact(fact, trial.trace, trial.index)
	stated.isProvisional = v.isProvisional && slices.Contains([]string{"default", "meaning", "type", "decides about"},
		claim)
	return stated
}

// proofOf describes the other parameters that prove the password in a login, because the effect of
// a key may depend on them. It returns "" for other commands.
func (v *parameterJudge) proofOf(trial *variantTrial) string {
	if isCommonType(v.parameter.Type) {
		return ""
	}
	return v.study.describeProof(trial.trace.Steps[trial.index], []string{v.parameter.Key})
}

// describeProof lists the secrets and enumerations of a login except for the given keys. It returns
// "" for other commands.
func (s *study) describeProof(step experiment.Step, beside []string) string {
	command, ok := s.File.Command(step.Command)
	if !ok || s.File.VerbOf(step) != verbLogin {
		return ""
	}
	var proofs []string
	for _, pair := range command.Request {
		switch s.File.TypeOf(command, pair.Key).Type {
		case experiment.TypeSecret, experiment.TypeEnum:
			if !slices.Contains(beside, pair.Key) {
				proofs = append(proofs, pair.Key+"="+pair.Value)
			}
		}
	}
	if len(proofs) == 0 {
		return ""
	}
	return "with " + strings.Join(proofs, " and ")
}

// answerCode returns the code that a trial was answered with.
func (v *parameterJudge) answerCode(trial *variantTrial) string {
	return v.codeOf(trial.trace.Steps[trial.index].Command, &trial.trace.Answers[trial.index])
}

// judgePresence states whether the parameter is required, and its default.
func (v *parameterJudge) judgePresence() {
	trial := v.trialNamed("absent")
	switch {
	case trial == nil:
	case trial.outcome != "done" && v.base.outcome == "done":
		v.stateParameter(trial, "presence", "required", "is required: without it the answer is "+v.answerCode(trial))
	case trial.outcome == v.base.outcome:
		v.stateParameter(trial, "presence", "optional", "is optional")
		if value, ok := v.findDefault(trial); ok {
			v.stateParameter(trial, "default", value, "left out is as "+value)
		}
	}
}

// findDefault returns the value that has the same effect as leaving the parameter out. It returns
// false if no value has, or if all tried values have the same effect, which shows no default.
func (v *parameterJudge) findDefault(trial *variantTrial) (string, bool) {
	absent := v.trialForm(trial, "")
	found, other := "", false
	for _, trial := range append([]variantTrial{*v.base}, v.trials...) {
		switch {
		case !trial.isPlainValue || strings.TrimSpace(trial.value) == "" || trial.outcome != "done":
		case v.trialForm(&trial, "") != absent:
			other = true
		case found == "":
			found = trial.value
		}
	}
	return found, found != "" && other
}

// judgeKeyCase states whether the case of the key matters. This shows only for a key whose absence
// has an effect.
func (v *parameterJudge) judgeKeyCase() {
	trial, absent := v.trialNamed("key in small letters"), v.trialNamed("absent")
	switch {
	case trial == nil || absent == nil || absent.normalForm == v.base.normalForm:
	case trial.normalForm == v.base.normalForm:
		v.stateParameter(trial, "case of the key", "any", "is understood in other letters too")
	case trial.normalForm == absent.normalForm:
		v.stateParameter(trial, "case of the key", "as written", "is not understood in other letters")
	}
}

// judgeDuplicates states which value counts if the key is given twice.
func (v *parameterJudge) judgeDuplicates() {
	otherLast, otherFirst := v.trialNamed("twice, the other last"), v.trialNamed("twice, the other first")
	if otherLast == nil || otherFirst == nil || otherLast.normalForm == otherFirst.normalForm {
		return
	}
	switch v.base.normalForm {
	case otherLast.normalForm:
		v.stateParameter(otherLast, "given twice", "the first counts", "given twice: the first counts")
	case otherFirst.normalForm:
		v.stateParameter(otherFirst, "given twice", "the last counts", "given twice: the last counts")
	}
}

// judgePosition states whether the position of the pair matters.
func (v *parameterJudge) judgePosition() {
	first, last := v.trialNamed("first"), v.trialNamed("last")
	if first == nil || last == nil {
		return
	}
	for _, trial := range []*variantTrial{first, last} {
		if trial.normalForm != v.base.normalForm {
			v.stateParameter(trial, "place in the request", "matters",
				"must stand in its place: "+trial.name+" is answered "+v.answerCode(trial))
			return
		}
	}
	v.stateParameter(last, "place in the request", "any", "may stand anywhere in the request")
}

// judgeEscapes states whether the server decodes escapes in the value and trims spaces. This shows
// only if another value has another effect.
func (v *parameterJudge) judgeEscapes() {
	if trial := v.trialNamed("x"); trial == nil || trial.normalForm == v.base.normalForm {
		return
	}
	if trial := v.trialNamed("its first character escaped"); trial != nil {
		if trial.normalForm == v.base.normalForm {
			v.stateParameter(trial, "escapes", "read", "may be written with escapes")
		} else {
			v.stateParameter(trial, "escapes", "not read", "may not be written with escapes")
		}
	}
	before, behind := v.trialNamed("a space before"), v.trialNamed("a space after")
	if before != nil && behind != nil && before.normalForm == v.base.normalForm &&
		behind.normalForm == v.base.normalForm {
		v.stateParameter(behind, "spaces around", "left out", "may have spaces around it")
	}
}

// judgeInfluence states which fields of the answer depend on the parameter: those that differ when
// only the parameter changes.
func (v *parameterJudge) judgeInfluence() {
	var fields []string
	var shows *variantTrial
	base := &v.base.trace.Answers[v.base.index]
	for i := range v.trials {
		trial := &v.trials[i]
		if trial.outcome != "done" || v.base.outcome != "done" || !trial.isPlainValue {
			continue
		}
		answer := &trial.trace.Answers[trial.index]
		for _, field := range answer.Fields {
			before, ok := base.Field(field.Key)
			differs := !ok || before.Value != field.Value
			if differs && field.Key != v.parameter.Key && !v.volatile.masks(v.command.Name, field.Key) &&
				!slices.Contains(fields, field.Key) && !isMarkName(field.Value) {
				fields = append(fields, field.Key)
				shows = trial
			}
		}
	}
	if shows != nil {
		slices.Sort(fields)
		v.stateParameter(shows, "decides about", strings.Join(fields, " "),
			"decides about "+strings.Join(fields, ", ")+" in the answer")
	}
}

// isMarkName reports whether a value is the placeholder of a mark, which differs in each request.
func isMarkName(value string) bool { return strings.HasPrefix(value, "{seq") }

// judgeCountBounds states the default and the maximum length of a list. This shows only if the list
// is longer.
func (v *parameterJudge) judgeCountBounds() {
	list, absent, large := v.pagedLists[v.command.Name], v.trialNamed("absent"), v.trialNamed("99999")
	if list == nil || absent == nil || large == nil {
		return
	}
	_, defaultElements := accountList(&absent.trace.Answers[absent.index])
	_, found := accountList(&large.trace.Answers[large.index])
	if len(defaultElements) > 0 && len(defaultElements) < len(found) {
		v.stateParameter(absent, "default", fmt.Sprint(len(defaultElements)),
			fmt.Sprintf("left out is as %d", len(defaultElements)))
	}
	if count := len(list.elements); count >= 1000 && len(found) > 0 && len(found) <= count {
		v.stateParameter(large, "most", fmt.Sprint(len(found)), fmt.Sprintf("gives at most %d elements", len(found)))
	}
}

// judgeValues states which values are accepted, and whether the value has any effect.
func (v *parameterJudge) judgeValues() {
	ignored := v.base.outcome == "done"
	for i := range v.trials {
		trial := &v.trials[i]
		ignored = ignored && trial.normalForm == v.base.normalForm
		if !trial.isPlainValue || isLong(trial.value) {
			continue
		}
		value := "taken"
		if trial.outcome != "done" {
			value = "answered " + v.answerCode(trial)
		}
		v.stateParameter(trial, "value "+trial.name, value, fmt.Sprintf("as %q is %s", trial.name, value))
	}
	// few trials prove little, and the effect of marks shows only in repeats
	if ignored && len(v.trials) > 4 && v.parameter.Type != experiment.TypeMark {
		v.stateParameter(&v.trials[0], "meaning", "ignored", "changes nothing, whatever it is")
	}
	v.judgeNumberType()
}

// judgeNumberType states that the parameter is a number if numbers are accepted and other values
// are not.
func (v *parameterJudge) judgeNumberType() {
	taken, refused := (*variantTrial)(nil), (*variantTrial)(nil)
	for i := range v.trials {
		trial := &v.trials[i]
		switch {
		case !trial.isPlainValue || trial.value == "" || strings.Contains(trial.value, "{"):
		case digits.FindString(trial.value) == trial.value && trial.outcome == "done":
			taken = trial
		case strings.ContainsAny(trial.value, "xyz") && trial.outcome == "done":
			return // values that are not numbers are accepted
		case trial.value == "x":
			refused = trial
		}
	}
	if taken != nil && refused != nil {
		v.stateParameter(refused, "type", "number", "is a number: anything else is answered "+v.answerCode(refused))
	}
}

// isLong reports whether a value is too long for the statement of a fact.
func isLong(value string) bool { return len(value) > 40 }
