package study

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// near sends values that are nearly the right ones: proofs, numbers, marks and texts
// that servers take for others if they do not look at all of them.
func (s *study) near() error {
	for _, part := range []func() error{s.nearProofs, s.nearMarks, s.textsOfManyLengths, s.nearNumbers} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// nearProofs logs in with proofs that are wrong in one character.
func (s *study) nearProofs() error {
	login, ok := s.verb(s.a, vLogin, "")
	if !ok {
		return nil
	}
	command, _ := s.File.Command(login.Command)
	key := s.keyOf(login.Command, experiment.TypeSecret)
	base, _ := baseValue(command, key)
	if key == "" || !strings.Contains(base, "secret") {
		return nil
	}
	for _, p := range s.workingProofs(login, key, base) {
		for _, v := range nearly(p[0].Value) {
			step := login
			step.Changes = append([]experiment.PairChange{set(key, v.value)}, p[1:]...)
			trace, err := s.row().add(step).look(s.a, vFriends).run()
			if err != nil {
				return err
			}
			if trace == nil {
				continue
			}
			s.claim(finding.Fact{
				Command: login.Command, Aspect: finding.AspectParameter, Name: key, Claim: v.name + " " + lineOf(p),
				Value:     s.outcome(step, &trace.Answers[0]),
				Statement: fmt.Sprintf("%s with %s %s, %s, is %s", login.Command, key, lineOf(p), v.name, s.outcome(step, &trace.Answers[0])),
			}, trace, 0)
		}
	}
	return nil
}

// workingProofs are changes of a login that log in: the usual proof, and the first
// other kind that does.
func (s *study) workingProofs(login experiment.Step, key, base string) [][]experiment.PairChange {
	all := [][]experiment.PairChange{{set(key, base)}}
	command, _ := s.File.Command(login.Command)
	for _, value := range []string{"{secret}", "{md5(secret)}"} {
		for _, kind := range s.enumsOf(command) {
			step := login
			step.Changes = []experiment.PairChange{set(key, value), set(kind.Key, kind.Value)}
			if value == base {
				continue
			}
			if trace, err := s.row().add(step).run(); err == nil && trace != nil && s.done(step, &trace.Answers[0]) {
				return append(all, step.Changes)
			}
		}
	}
	return all
}

func lineOf(changes []experiment.PairChange) string {
	var parts []string
	for _, change := range changes {
		parts = append(parts, change.Key+"="+change.Value)
	}
	return strings.Join(parts, " ")
}

// nearly are values that are a template's but for one character.
func nearly(base string) []parameterVariant {
	all := []parameterVariant{{name: "with one character behind", value: base + "0"}, {name: "with a zero before", value: "0" + base}}
	for _, f := range []struct{ function, name string }{
		{"last", "with another last character"}, {"first", "with another first character"},
		{"middle", "with another character in the middle"}, {"cut", "without its last character"},
	} {
		value := strings.NewReplacer("{", "{"+f.function+"(", "}", ")}").Replace(base)
		all = append(all, parameterVariant{name: f.name, value: value})
	}
	return all
}

// nearMarks sends a message whose mark is nearly that of another: both must arrive.
func (s *study) nearMarks() error {
	send, ok := s.verb(s.a, vSend, s.b)
	text := s.keyOf(send.Command, experiment.TypeText)
	if !ok || text == "" || s.markKey(send) == "" {
		return nil
	}
	marked := func(mark string) experiment.Step {
		step := s.marked(send, mark)
		step.Changes = append(step.Changes, set(text, "one"))
		return step
	}
	for _, m := range []struct{ name, first, second string }{
		{"but for its last character", "{seq}a", "{seq:3}b"},
		{"but for the case of their letters", "{seq}a", "{seq:3}A"},
		{"but for a zero before it", "{seq}", "0{seq:3}"},
		{"but for one character more", "{seq}", "{seq:3}9"},
	} {
		trace, err := s.row().login(s.a, s.b).add(marked(m.first), marked(m.second)).look(s.b, vReceive).run()
		if err != nil {
			return err
		}
		if trace == nil || len(trace.Steps) < 5 || !s.done(send, &trace.Answers[2]) || !s.done(send, &trace.Answers[3]) {
			continue
		}
		n := ones(&trace.Answers[4])
		s.claim(finding.Fact{
			Command: trace.Steps[4].Command, Aspect: finding.AspectMessage, Name: "nearly the same mark", Claim: m.name,
			Value:     fmt.Sprintf("%d of 2", n),
			Statement: fmt.Sprintf("Of two equal messages whose marks are the same %s, %d arrive", m.name, n),
		}, trace, 4)
	}
	return nil
}

// nearNumbers sends the numbers of commands with a multiple of a power of two added:
// what is read into too few bits is another number, and nearly the right one.
func (s *study) nearNumbers() error {
	own := false // who asks is read alike in all commands
	steps := s.purposes()
	slices.SortStableFunc(steps, func(x, y experiment.Step) int { return changing(s.isRead(x)) - changing(s.isRead(y)) })
	for _, step := range steps {
		command, _ := s.File.Command(step.Command)
		var all []parameterVariant
		for _, parameter := range s.parametersOf(command) {
			isSelf := parameter.Type == experiment.TypeSelf
			if s.fixedBy(step, parameter.Key) || isSelf && (own || !s.isRead(step)) {
				continue
			}
			own = own || isSelf
			for _, v := range s.beyond(step, parameter) {
				all = append(all, parameterVariant{name: v, changes: []experiment.PairChange{set(parameter.Key, braced(v))}, value: v, plain: true})
			}
		}
		if len(all) == 0 {
			continue
		}
		if _, _, err := s.try(s.unitOf(step), all); err != nil {
			return err
		}
	}
	return nil
}

// changing sorts those that only read first: they take few requests.
func changing(reads bool) int {
	if reads {
		return 0
	}
	return 1
}

// beyond are numbers of a parameter's type that are the same in the lowest bits.
func (s *study) beyond(step experiment.Step, parameter experiment.Parameter) []string {
	base := "1"
	switch parameter.Type {
	case experiment.TypeCount, experiment.TypeCursor, experiment.TypeNumber:
	case experiment.TypeEnum:
		base = parameter.Values[len(parameter.Values)-1]
	case experiment.TypeTarget, experiment.TypeSelf:
		role := s.unitOf(step).step.TargetRole
		if role == "" {
			role = s.File.Peer(step.Role)
		}
		if parameter.Type == experiment.TypeSelf {
			role = step.Role
		}
		account, _ := s.File.Account(role)
		base = account.Number
		if s.File.Reset.Kind == experiment.ResetPool {
			return nil // another account plays the role each time
		}
	default:
		return nil
	}
	n, err := strconv.ParseUint(base, 10, 32)
	if err != nil {
		return nil
	}
	var all []string
	for _, bits := range []int{8, 16, 32} {
		all = append(all, strconv.FormatUint(n+1<<bits, 10))
	}
	switch parameter.Type {
	case experiment.TypeEnum:
		return append(all, "00"+base)
	case experiment.TypeCount, experiment.TypeCursor, experiment.TypeNumber:
		return append(all[1:], "2147483647", "2147483648", "00"+base)
	}
	return all[1:] // the first can be another account
}

// lengths are those around which texts are cut, in bytes.
var lengths = []int{31, 63, 99, 127, 139, 159, 199, 254, 511, 999, 1023, 1999, 3999}

// textsOfManyLengths sends texts of one byte a character and of three, each kind in
// one experiment: what is cut at a limit shows.
func (s *study) textsOfManyLengths() error {
	send, ok := s.verb(s.a, vSend, s.b)
	key := s.keyOf(send.Command, experiment.TypeText)
	if !ok || key == "" {
		return nil
	}
	for _, kind := range []struct{ name, character string }{{"one byte", "x"}, {"three bytes", "中"}} {
		stepBuilder := s.row().login(s.a, s.b)
		head := len(stepBuilder.steps)
		for _, n := range lengths {
			// One byte ahead of the characters puts no limit between two of them.
			text := "a" + strings.Repeat(kind.character, n/len(kind.character)+1)
			stepBuilder.do(s.a, vSend, s.b, set(key, text)).look(s.b, vReceive)
		}
		trace, err := stepBuilder.run()
		if err != nil {
			return err
		}
		if trace == nil {
			continue
		}
		whole := 0
		for i := head; i+1 < len(trace.Steps); i += 2 {
			sent := trace.Steps[i].Changes[0].Value
			arrived := slices.ContainsFunc(trace.Answers[i+1].Fields, func(field lab.Field) bool { return slices.Contains(field.List, sent) || field.Value == sent })
			if !arrived {
				break
			}
			whole = len(sent)
		}
		if whole > 0 {
			s.claim(finding.Fact{
				Command: send.Command, Aspect: finding.AspectEncoding, Name: "texts of " + kind.name + " a character", Claim: "arrive whole up to",
				Value:     fmt.Sprint(whole),
				Statement: fmt.Sprintf("A text of %d bytes, with %s a character, arrives whole", whole, kind.name),
			}, trace, last(trace))
		}
	}
	return nil
}
