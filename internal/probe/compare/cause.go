package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A cause is a difference with what it is put down to.
type differenceCause struct {
	shortWitness
	aspect   finding.Aspect
	name     string
	commands []string
	shown    int // times that the witness showed it when it was replayed
	of       int
}

// judge says which side of the protocol a difference is about, and what it is
// called. The witness is as small as it gets, so whatever is left in it matters, and
// what is least usual in it names the cause: another form of HTTP, what stands outside
// of records, time, many requests of a kind, a changed parameter, and else what the
// requests are for.
func (p *serverPair) judge(w *shortWitness) (finding.Aspect, string) {
	end := len(w.steps) - 1
	way, outside := wayIn(w.steps), outsideOfRecords(w.points)
	wait := waitIn(w.steps)
	switch {
	case strings.HasPrefix(way, "charset="):
		return finding.AspectEncoding, way
	case way != "":
		return finding.AspectTransport, "request form " + way
	case outside != "":
		return finding.AspectTransport, outside
	case isAny(w.points, isEscape):
		return finding.AspectEncoding, "escapes in answers"
	case wait != "" && !p.isSeen(w):
		return finding.AspectTimer, p.transition(w.steps) + " after " + wait
	case refusedOnce(w.points) && manyOfAKind(w.steps):
		return finding.AspectLimit, fmt.Sprintf("the last of %d requests", len(w.steps))
	}
	for i := end; i >= 0; i-- {
		for _, change := range w.steps[i].Changes {
			if aspect := p.ofChange(w, w.steps[i], change, i == end); aspect != "" {
				return aspect, change.Key
			}
		}
	}
	return p.ofPurpose(w)
}

// ofChange is what a changed parameter says about a difference: its type does. It is ""
// where the change is only a part of the way there.
func (p *serverPair) ofChange(w *shortWitness, step experiment.Step, change experiment.PairChange, last bool) finding.Aspect {
	command, ok := p.file.Command(step.Command)
	if !ok {
		return ""
	}
	told := !isAny(w.points, func(x differencePoint) bool { return x.kind == "code" })
	kind := p.file.TypeOf(command, change.Key).Type
	switch kind {
	case experiment.TypeMark:
		if !last || reference.MatchString(change.Value) {
			return finding.AspectMessage
		}
	case experiment.TypeText:
		switch {
		case unusual(change.Value, p.file.Syntax):
			return finding.AspectEncoding
		case !last && change.Kind == experiment.SetValue && change.Value != "":
			return finding.AspectMessage
		}
	case experiment.TypeCount, experiment.TypeCursor:
		if told && change.Kind == experiment.SetValue && change.Value != "0" && isNumber(change.Value) {
			return finding.AspectPaging
		}
	case experiment.TypeSecret, experiment.TypeSelf:
		if !last || p.aboutSession(w) {
			return finding.AspectSession
		}
	case experiment.TypeTarget:
		if change.Kind == experiment.SetValue && strings.HasPrefix(change.Value, "{") {
			return "" // somebody else is meant
		}
	case experiment.TypeEnum:
		taken := change.Kind == experiment.SetValue && slices.Contains(p.file.TypeOf(command, change.Key).Values, change.Value)
		if taken && told && p.file.VerbOf(step) != experiment.VerbLogin {
			return "" // a status, or how much is told
		}
	}
	if last && told && len(w.points) == 1 && w.points[0].key == change.Key && p.isEcho(w.points[0], change) {
		return finding.AspectField
	}
	return finding.AspectParameter
}

// isEcho reports whether a field has on one server what was sent.
func (p *serverPair) isEcho(x differencePoint, change experiment.PairChange) bool {
	sent := p.file.Syntax.Unescape(change.Value)
	return x.kind == "field" && !x.list && (x.a == sent || x.b == sent)
}

// ofVerb is what the requests of a witness are about, the strongest first: whatever
// is sent and befriended needs logins, and not the other way round.
var ofVerb = []struct {
	aspect finding.Aspect
	verbs  []experiment.Verb
}{
	{finding.AspectFriendship, []experiment.Verb{experiment.VerbAdd, experiment.VerbRequest, experiment.VerbAccept, experiment.VerbReject, experiment.VerbDelete}},
	{finding.AspectMessage, []experiment.Verb{experiment.VerbSend}},
	{finding.AspectPresence, []experiment.Verb{experiment.VerbStatus}},
	{finding.AspectPresence, []experiment.Verb{experiment.VerbLogout}},
}

// ofPurpose judges a difference between requests as the file has them, by what they
// are for.
func (p *serverPair) ofPurpose(w *shortWitness) (finding.Aspect, string) {
	end := w.steps[len(w.steps)-1]
	name := p.transition(w.steps)
	list := slices.IndexFunc(w.points, func(x differencePoint) bool { return x.list })
	moved := isAny(w.points, func(x differencePoint) bool { return x.sizes || x.order || x.members })
	switch {
	case p.aboutSession(w):
		return finding.AspectSession, name
	case list < 0 && end.TargetRole == end.Role && end.TargetRole != "":
		return finding.AspectParameter, "oneself"
	case !refusedOnce(w.points) && !moved && !p.isStatus(w.points) && p.tells(end):
		return finding.AspectField, w.points[0].key
	}
	for _, about := range ofVerb {
		if slices.ContainsFunc(w.steps, func(step experiment.Step) bool { return slices.Contains(about.verbs, p.file.VerbOf(step)) }) {
			return about.aspect, name
		}
	}
	switch {
	case p.logins(w) > 1 && (moved || p.isStatus(w.points)):
		return finding.AspectPresence, name
	case list >= 0:
		return finding.AspectPaging, w.points[list].key
	case refusedOnce(w.points):
		return finding.AspectSession, name
	}
	return finding.AspectField, w.points[0].key
}

// tells reports whether a request is for what its answer tells, and not for what it does
// or has come of others.
func (p *serverPair) tells(step experiment.Step) bool {
	switch p.file.VerbOf(step) {
	case experiment.VerbFriends, experiment.VerbOnline, experiment.VerbInfo, experiment.VerbFind, experiment.VerbRead, experiment.VerbLogin, "":
		return true
	}
	return false
}

// isSeen reports whether a difference is in what somebody sees of others.
func (p *serverPair) isSeen(w *shortWitness) bool {
	verb := p.file.VerbOf(w.steps[len(w.steps)-1])
	return !refusedOnce(w.points) && (verb == experiment.VerbOnline || verb == experiment.VerbFind || verb == experiment.VerbInfo)
}

// aboutSession reports whether one server takes the account for logged in, or lets it
// log in, and the other does not.
func (p *serverPair) aboutSession(w *shortWitness) bool {
	end := len(w.steps) - 1
	a, b := &w.a.Answers[end], &w.b.Answers[end]
	step, code := w.steps[end], p.file.Answer.CodeKey
	if p.file.VerbOf(step) == experiment.VerbLogin && end > 0 {
		return lab.Done(p.file, step.Command, a) != lab.Done(p.file, step.Command, b)
	}
	x, y := a.Value(code), b.Value(code)
	return x != y && (slices.Contains(p.file.Answer.NotLoggedInCodes, x) || slices.Contains(p.file.Answer.NotLoggedInCodes, y))
}

// isStatus reports whether a field that differs has the key of a status.
func (p *serverPair) isStatus(points []differencePoint) bool {
	step, ok := p.file.StepOf(experiment.VerbStatus, "", "")
	command, known := p.file.Command(step.Command)
	return ok && known && isAny(points, func(x differencePoint) bool {
		return slices.ContainsFunc(command.Parameters, func(parameter experiment.Parameter) bool { return parameter.Key == x.key })
	})
}

// outsideOfRecords names a difference that lies outside of records.
func outsideOfRecords(points []differencePoint) string {
	for _, x := range points {
		switch x.kind {
		case "status", "type", "closed", "framing", "end":
			return x.kind
		case "form":
			if x.a == noAnswer || x.b == noAnswer || strings.HasPrefix(x.a, "status ") || strings.HasPrefix(x.b, "status ") {
				return "no record"
			}
		}
	}
	return ""
}

// refusedOnce reports whether the answers have different codes, or forms.
func refusedOnce(points []differencePoint) bool {
	return isAny(points, func(x differencePoint) bool { return x.kind == "code" || x.kind == "form" })
}

// manyOfAKind reports whether most of what is left are equal requests: then it is how
// many there are that matters.
func manyOfAKind(steps []experiment.Step) bool {
	counts := make(map[string]int)
	most := 0
	for _, step := range steps {
		counts[step.Command]++
		most = max(most, counts[step.Command])
	}
	return most >= 5 && 2*most > len(steps)
}

func (p *serverPair) logins(w *shortWitness) int {
	n := 0
	for _, step := range w.steps {
		if p.file.VerbOf(step) == experiment.VerbLogin {
			n++
		}
	}
	return n
}

func isAny(points []differencePoint, is func(differencePoint) bool) bool {
	return slices.ContainsFunc(points, is)
}

func isNumber(v string) bool { return v != "" && strings.Trim(v, "0123456789") == "" }

func wayIn(steps []experiment.Step) string {
	for _, step := range steps {
		if step.HTTPForm != "" {
			return step.HTTPForm
		}
	}
	return ""
}

func waitIn(steps []experiment.Step) string {
	total := 0.0
	for _, step := range steps {
		total += step.Wait.Seconds()
	}
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("%g s", total)
}

// unusual reports whether a text is one that tells how texts are read.
func unusual(text string, syntax experiment.RecordSyntax) bool {
	for _, r := range text {
		if r > '~' || r < ' ' {
			return true
		}
	}
	if strings.TrimSpace(text) == "" {
		return false
	}
	return syntax.EscapeSign != "" && strings.Contains(text, syntax.EscapeSign) || strings.ContainsAny(text, "+"+syntax.PairSeparator+syntax.ListSeparator+syntax.KeySeparator) ||
		strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ")
}

// transition tells a witness in short: what leads to the last request.
func (p *serverPair) transition(steps []experiment.Step) string {
	var parts []string
	for _, step := range steps {
		if step.Wait > 0 {
			continue
		}
		name := step.Command
		if step.Verb != "" {
			name += "." + string(step.Verb)
		}
		parts = append(parts, step.Role+" "+name)
	}
	return strings.Join(parts, ", ")
}
