package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
)

// A verdict is what the trials of one parameter show.
type variantJudge struct {
	*study
	command   *experiment.Command
	parameter experiment.Parameter
	base      *variantTrial
	trials    []variantTrial
	// brief says that a closer look follows: what is concluded from all trials together
	// may then be another.
	brief bool
}

// judge states what the trials of a parameter show.
func (v *variantJudge) judge() {
	v.presence()
	v.spelling()
	v.twice()
	v.position()
	v.escapes()
	v.influence()
	if v.parameter.Type == experiment.TypeCount {
		v.countBounds()
	}
	v.values()
}

// named is the trial of a variant, nil if it was not made.
func (v *variantJudge) named(name string) *variantTrial {
	for i := range v.trials {
		if v.trials[i].name == name {
			return &v.trials[i]
		}
	}
	return nil
}

// state states a fact that a trial shows.
func (v *variantJudge) state(t *variantTrial, claim, value, statement string) *factEvidence {
	fact := finding.Fact{
		Command: v.command.Name, Aspect: finding.AspectParameter, Name: v.parameter.Key, Claim: claim, Value: value,
		Statement: fmt.Sprintf("%s: %s %s", v.command.Name, v.parameter.Key, statement),
	}
	if with := v.proof(t); with != "" {
		fact.Statement += ", " + with
	}
	stated := v.claim(fact, t.trace, t.at)
	stated.brief = v.brief && slices.Contains([]string{"default", "meaning", "type", "decides about"}, claim)
	return stated
}

// proof says what else proves who logs in: what a key of a login does depends on that,
// and with another proof it may do something else. It is "" for other commands.
func (v *variantJudge) proof(t *variantTrial) string {
	if isCommon(v.parameter.Type) {
		return ""
	}
	return v.study.proof(t.trace.Steps[t.at], []string{v.parameter.Key})
}

// proof says what a login has for a proof beside some keys, "" for other commands.
func (s *study) proof(step experiment.Step, beside []string) string {
	command, ok := s.File.Command(step.Command)
	if !ok || s.File.VerbOf(step) != experiment.VerbLogin {
		return ""
	}
	var with []string
	for _, pair := range command.Request {
		switch s.File.TypeOf(command, pair.Key).Type {
		case experiment.TypeSecret, experiment.TypeEnum:
			if !slices.Contains(beside, pair.Key) {
				with = append(with, pair.Key+"="+pair.Value)
			}
		}
	}
	if len(with) == 0 {
		return ""
	}
	return "with " + strings.Join(with, " and ")
}

// told is how the request of a trial was answered.
func (v *variantJudge) told(t *variantTrial) string {
	return v.code(t.trace.Steps[t.at].Command, &t.trace.Answers[t.at])
}

// presence states whether a parameter is needed, and what stands for it if it is
// not there.
func (v *variantJudge) presence() {
	variantTrial := v.named("absent")
	switch {
	case variantTrial == nil:
	case variantTrial.outcome != "done" && v.base.outcome == "done":
		v.state(variantTrial, "presence", "required", "is required: without it the answer is "+v.told(variantTrial))
	case variantTrial.outcome == v.base.outcome:
		v.state(variantTrial, "presence", "optional", "is optional")
		if value, ok := v.standsFor(variantTrial); ok {
			v.state(variantTrial, "default", value, "left out is as "+value)
		}
	}
}

// standsFor is the value that gives the same as none at all, if there is one, and
// others give something else.
func (v *variantJudge) standsFor(t *variantTrial) (string, bool) {
	absent := v.echoForms(t, "")
	found, other := "", false
	for _, one := range append([]variantTrial{*v.base}, v.trials...) {
		switch {
		case !one.plain || strings.TrimSpace(one.value) == "" || one.outcome != "done":
		case v.echoForms(&one, "") != absent:
			other = true
		case found == "":
			found = one.value
		}
	}
	return found, found != "" && other
}

// spelling states whether the key is understood in other letters; that shows only
// where it matters whether it is there.
func (v *variantJudge) spelling() {
	variantTrial, absent := v.named("key in small letters"), v.named("absent")
	switch {
	case variantTrial == nil || absent == nil || absent.forms == v.base.forms:
	case variantTrial.forms == v.base.forms:
		v.state(variantTrial, "case of the key", "any", "is understood in other letters too")
	case variantTrial.forms == absent.forms:
		v.state(variantTrial, "case of the key", "as written", "is not understood in other letters")
	}
}

// twice states which counts of a key that is given twice.
func (v *variantJudge) twice() {
	otherLast, otherFirst := v.named("twice, the other last"), v.named("twice, the other first")
	if otherLast == nil || otherFirst == nil || otherLast.forms == otherFirst.forms {
		return
	}
	switch v.base.forms {
	case otherLast.forms:
		v.state(otherLast, "given twice", "the first counts", "given twice: the first counts")
	case otherFirst.forms:
		v.state(otherFirst, "given twice", "the last counts", "given twice: the last counts")
	}
}

// position states whether it matters where in the request the pair stands.
func (v *variantJudge) position() {
	first, last := v.named("first"), v.named("last")
	if first == nil || last == nil {
		return
	}
	for _, t := range []*variantTrial{first, last} {
		if t.forms != v.base.forms {
			v.state(t, "place in the request", "matters", "must stand in its place: "+t.name+" is answered "+v.told(t))
			return
		}
	}
	v.state(last, "place in the request", "any", "may stand anywhere in the request")
}

// escapes states whether escapes are read in the value, and spaces around it left
// out. Only a value that counts can show it.
func (v *variantJudge) escapes() {
	if variantTrial := v.named("x"); variantTrial == nil || variantTrial.forms == v.base.forms {
		return
	}
	if variantTrial := v.named("its first character escaped"); variantTrial != nil {
		if variantTrial.forms == v.base.forms {
			v.state(variantTrial, "escapes", "read", "may be written with escapes")
		} else {
			v.state(variantTrial, "escapes", "not read", "may not be written with escapes")
		}
	}
	before, behind := v.named("a space before"), v.named("a space behind")
	if before != nil && behind != nil && before.forms == v.base.forms && behind.forms == v.base.forms {
		v.state(behind, "spaces around", "left out", "may have spaces around it")
	}
}

// influence states which fields of the answer follow from the parameter: those that
// differ where nothing but it was changed.
func (v *variantJudge) influence() {
	var fields []string
	var shows *variantTrial
	base := &v.base.trace.Answers[v.base.at]
	for i := range v.trials {
		variantTrial := &v.trials[i]
		if variantTrial.outcome != "done" || v.base.outcome != "done" || !variantTrial.plain {
			continue
		}
		answer := &variantTrial.trace.Answers[variantTrial.at]
		for _, field := range answer.Fields {
			before, ok := base.Field(field.Key)
			differs := !ok || before.Value != field.Value
			if differs && field.Key != v.parameter.Key && !v.noise.masks(v.command.Name, field.Key) && !slices.Contains(fields, field.Key) && !isMark(field.Value) {
				fields = append(fields, field.Key)
				shows = variantTrial
			}
		}
	}
	if shows != nil {
		slices.Sort(fields)
		v.state(shows, "decides about", strings.Join(fields, " "), "decides about "+strings.Join(fields, ", ")+" in the answer")
	}
}

func isMark(value string) bool { return strings.HasPrefix(value, "{seq") }

// countBounds states how long a list is that is asked for without a count, and with
// one that is too large; the list must be longer for that to show.
func (v *variantJudge) countBounds() {
	pagedList, absent, large := v.lists[v.command.Name], v.named("absent"), v.named("99999")
	if pagedList == nil || absent == nil || large == nil {
		return
	}
	_, some := numbersIn(&absent.trace.Answers[absent.at])
	_, all := numbersIn(&large.trace.Answers[large.at])
	if len(some) > 0 && len(some) < len(all) {
		v.state(absent, "default", fmt.Sprint(len(some)), fmt.Sprintf("left out is as %d", len(some)))
	}
	if n := len(pagedList.elements); n >= 1000 && len(all) > 0 && len(all) <= n {
		v.state(large, "most", fmt.Sprint(len(all)), fmt.Sprintf("gives at most %d elements", len(all)))
	}
}

// values states which values are taken, and whether they mean anything.
func (v *variantJudge) values() {
	ignored := v.base.outcome == "done"
	for i := range v.trials {
		variantTrial := &v.trials[i]
		ignored = ignored && variantTrial.forms == v.base.forms
		if !variantTrial.plain || isLong(variantTrial.value) {
			continue
		}
		value := "taken"
		if variantTrial.outcome != "done" {
			value = "answered " + v.told(variantTrial)
		}
		v.state(variantTrial, "value "+variantTrial.name, value, fmt.Sprintf("as %q is %s", variantTrial.name, value))
	}
	if ignored && len(v.trials) > 4 && v.parameter.Type != experiment.TypeMark { // fewer say little, and marks show only when they are repeated
		v.state(&v.trials[0], "meaning", "ignored", "changes nothing, whatever it is")
	}
	v.kind()
}

// kind states that a parameter is a number, if numbers are taken and all else is
// refused.
func (v *variantJudge) kind() {
	taken, refused := (*variantTrial)(nil), (*variantTrial)(nil)
	for i := range v.trials {
		variantTrial := &v.trials[i]
		switch {
		case !variantTrial.plain || variantTrial.value == "" || strings.Contains(variantTrial.value, "{"):
		case numberIn.FindString(variantTrial.value) == variantTrial.value && variantTrial.outcome == "done":
			taken = variantTrial
		case strings.ContainsAny(variantTrial.value, "xyz") && variantTrial.outcome == "done":
			return // other things are taken too
		case variantTrial.value == "x":
			refused = variantTrial
		}
	}
	if taken != nil && refused != nil {
		v.state(refused, "type", "number", "is a number: anything else is answered "+v.told(refused))
	}
}

func isLong(v string) bool { return len(v) > 40 }
