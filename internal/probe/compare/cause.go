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
	witness
	aspect     finding.Aspect
	name       string
	commands   []string
	timesShown int // times that the witness showed it when it was replayed
	replays    int
}

// classify says which side of the protocol a difference is about, and what it is
// called. The witness is as small as it gets, so whatever is left in it matters, and
// what is least usual in it names the cause: another form of HTTP, what stands outside
// of records, time, many requests of a kind, a changed parameter, and else what the
// requests are for.
func (p *serverPair) classify(candidate *witness) (finding.Aspect, string) {
	end := len(candidate.steps) - 1
	way, outside := requestForm(candidate.steps), transportDifference(candidate.points)
	wait := totalWait(candidate.steps)
	switch {
	case strings.HasPrefix(way, "charset="):
		return finding.AspectEncoding, way
	case way != "":
		return finding.AspectTransport, "request form " + way
	case outside != "":
		return finding.AspectTransport, outside
	case hasPoint(candidate.points, isEscapePoint):
		return finding.AspectEncoding, "escapes in answers"
	case wait != "" && !p.isAboutOthers(candidate):
		return finding.AspectTimer, p.describeRequests(candidate.steps) + " after " + wait
	case hasCodeDifference(candidate.points) && isRepetition(candidate.steps):
		return finding.AspectLimit, fmt.Sprintf("the last of %d requests", len(candidate.steps))
	}
	for i := end; i >= 0; i-- {
		for _, change := range candidate.steps[i].Changes {
			if aspect := p.aspectOfChange(candidate, candidate.steps[i], change, i == end); aspect != "" {
				return aspect, change.Key
			}
		}
	}
	return p.classifyByPurpose(candidate)
}

// aspectOfChange is what a changed parameter says about a difference: its type does. It is ""
// where the change is only a part of the way there.
func (p *serverPair) aspectOfChange(candidate *witness, step experiment.Step, change experiment.PairChange, last bool) finding.Aspect {
	command, ok := p.file.Command(step.Command)
	if !ok {
		return ""
	}
	told := !hasPoint(candidate.points, func(point differencePoint) bool { return point.kind == "code" })
	kind := p.file.TypeOf(command, change.Key).Type
	switch kind {
	case experiment.TypeMark:
		if !last || stepReference.MatchString(change.Value) {
			return finding.AspectMessage
		}
	case experiment.TypeText:
		switch {
		case isUnusualText(change.Value, p.file.Syntax):
			return finding.AspectEncoding
		case !last && change.Kind == experiment.SetValue && change.Value != "":
			return finding.AspectMessage
		}
	case experiment.TypeCount, experiment.TypeCursor:
		if told && change.Kind == experiment.SetValue && change.Value != "0" && isNumber(change.Value) {
			return finding.AspectPaging
		}
	case experiment.TypeSecret, experiment.TypeSelf:
		if !last || p.isAboutSession(candidate) {
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
	if last && told && len(candidate.points) == 1 && candidate.points[0].key == change.Key && p.isEcho(candidate.points[0], change) {
		return finding.AspectField
	}
	return finding.AspectParameter
}

// isEcho reports whether a field has on one server what was sent.
func (p *serverPair) isEcho(point differencePoint, change experiment.PairChange) bool {
	sent := p.file.Syntax.Unescape(change.Value)
	return point.kind == "field" && !point.isList && (point.valueA == sent || point.valueB == sent)
}

// ofVerb is what the requests of a witness are about, the strongest first: whatever
// is sent and befriended needs logins, and not the other way round.
var verbAspects = []struct {
	aspect finding.Aspect
	verbs  []experiment.Verb
}{
	{finding.AspectFriendship, []experiment.Verb{experiment.VerbAdd, experiment.VerbRequest, experiment.VerbAccept, experiment.VerbReject, experiment.VerbDelete}},
	{finding.AspectMessage, []experiment.Verb{experiment.VerbSend}},
	{finding.AspectPresence, []experiment.Verb{experiment.VerbStatus}},
	{finding.AspectPresence, []experiment.Verb{experiment.VerbLogout}},
}

// classifyByPurpose judges a difference between requests as the file has them, by what they
// are for.
func (p *serverPair) classifyByPurpose(candidate *witness) (finding.Aspect, string) {
	end := candidate.steps[len(candidate.steps)-1]
	name := p.describeRequests(candidate.steps)
	list := slices.IndexFunc(candidate.points, func(point differencePoint) bool { return point.isList })
	moved := hasPoint(candidate.points, func(point differencePoint) bool {
		return point.lengthsDiffer || point.orderDiffers || point.accountsDiffer
	})
	switch {
	case p.isAboutSession(candidate):
		return finding.AspectSession, name
	case list < 0 && end.TargetRole == end.Role && end.TargetRole != "":
		return finding.AspectParameter, "oneself"
	case !hasCodeDifference(candidate.points) && !moved && !p.hasStatusField(candidate.points) && p.readsState(end):
		return finding.AspectField, candidate.points[0].key
	}
	for _, about := range verbAspects {
		if slices.ContainsFunc(candidate.steps, func(step experiment.Step) bool { return slices.Contains(about.verbs, p.file.VerbOf(step)) }) {
			return about.aspect, name
		}
	}
	switch {
	case p.countLogins(candidate) > 1 && (moved || p.hasStatusField(candidate.points)):
		return finding.AspectPresence, name
	case list >= 0:
		return finding.AspectPaging, candidate.points[list].key
	case hasCodeDifference(candidate.points):
		return finding.AspectSession, name
	}
	return finding.AspectField, candidate.points[0].key
}

// readsState reports whether a request is for what its answer tells, and not for what it does
// or has come of others.
func (p *serverPair) readsState(step experiment.Step) bool {
	switch p.file.VerbOf(step) {
	case experiment.VerbFriends, experiment.VerbOnline, experiment.VerbInfo, experiment.VerbFind, experiment.VerbRead, experiment.VerbLogin, "":
		return true
	}
	return false
}

// isAboutOthers reports whether a difference is in what somebody sees of others.
func (p *serverPair) isAboutOthers(candidate *witness) bool {
	verb := p.file.VerbOf(candidate.steps[len(candidate.steps)-1])
	return !hasCodeDifference(candidate.points) && (verb == experiment.VerbOnline || verb == experiment.VerbFind || verb == experiment.VerbInfo)
}

// isAboutSession reports whether one server takes the account for logged in, or lets it
// log in, and the other does not.
func (p *serverPair) isAboutSession(candidate *witness) bool {
	end := len(candidate.steps) - 1
	answerA, answerB := &candidate.traceA.Answers[end], &candidate.traceB.Answers[end]
	step, code := candidate.steps[end], p.file.Answer.CodeKey
	if p.file.VerbOf(step) == experiment.VerbLogin && end > 0 {
		return lab.IsDone(p.file, step.Command, answerA) != lab.IsDone(p.file, step.Command, answerB)
	}
	x, y := answerA.Value(code), answerB.Value(code)
	return x != y && (slices.Contains(p.file.Answer.NotLoggedInCodes, x) || slices.Contains(p.file.Answer.NotLoggedInCodes, y))
}

// hasStatusField reports whether a field that differs has the key of a status.
func (p *serverPair) hasStatusField(points []differencePoint) bool {
	step, ok := p.file.StepOf(experiment.VerbStatus, "", "")
	command, known := p.file.Command(step.Command)
	return ok && known && hasPoint(points, func(point differencePoint) bool {
		return slices.ContainsFunc(command.Parameters, func(parameter experiment.Parameter) bool { return parameter.Key == point.key })
	})
}

// transportDifference names a difference that lies outside of records.
func transportDifference(points []differencePoint) string {
	for _, point := range points {
		switch point.kind {
		case "status", "type", "closed", "framing", "end":
			return point.kind
		case "form":
			if point.valueA == noAnswer || point.valueB == noAnswer || strings.HasPrefix(point.valueA, "status ") || strings.HasPrefix(point.valueB, "status ") {
				return "no record"
			}
		}
	}
	return ""
}

// hasCodeDifference reports whether the answers have different codes, or forms.
func hasCodeDifference(points []differencePoint) bool {
	return hasPoint(points, func(point differencePoint) bool { return point.kind == "code" || point.kind == "form" })
}

// isRepetition reports whether most of what is left are equal requests: then it is how
// many there are that matters.
func isRepetition(steps []experiment.Step) bool {
	counts := make(map[string]int)
	most := 0
	for _, step := range steps {
		counts[step.Command]++
		most = max(most, counts[step.Command])
	}
	return most >= 5 && 2*most > len(steps)
}

func (p *serverPair) countLogins(candidate *witness) int {
	n := 0
	for _, step := range candidate.steps {
		if p.file.VerbOf(step) == experiment.VerbLogin {
			n++
		}
	}
	return n
}

func hasPoint(points []differencePoint, is func(differencePoint) bool) bool {
	return slices.ContainsFunc(points, is)
}

func isNumber(v string) bool { return v != "" && strings.Trim(v, "0123456789") == "" }

func requestForm(steps []experiment.Step) string {
	for _, step := range steps {
		if step.HTTPForm != "" {
			return step.HTTPForm
		}
	}
	return ""
}

func totalWait(steps []experiment.Step) string {
	total := 0.0
	for _, step := range steps {
		total += step.Wait.Seconds()
	}
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("%g s", total)
}

// isUnusualText reports whether a text is one that tells how texts are read.
func isUnusualText(text string, syntax experiment.RecordSyntax) bool {
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

// describeRequests tells a witness in short: what leads to the last request.
func (p *serverPair) describeRequests(steps []experiment.Step) string {
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
