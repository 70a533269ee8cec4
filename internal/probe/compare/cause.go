package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/finding"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// differenceCause is a difference with the part of the protocol that it is attributed to.
type differenceCause struct {
	witness
	aspect     finding.Aspect
	name       string   // what differs within the aspect, such as a key
	commands   []string // the witness's own first, then others with the same difference
	timesShown int      // how many replays showed the difference
	replays    int
}

// classify returns the aspect and the name of a difference. Everything left in a minimal witness
// matters, so its least usual part decides, in this order: an unusual HTTP form, a difference
// outside of records, a wait, a repetition, a changed parameter, and the purpose of the requests.
func (p *serverPair) classify(candidate *witness) (finding.Aspect, string) {
	last := len(candidate.steps) - 1
	form, transport := requestForm(candidate.steps), transportDifference(candidate.points)
	wait := totalWait(candidate.steps)
	switch {
	case strings.HasPrefix(form, "charset="):
		return finding.AspectEncoding, form
	case form != "":
		return finding.AspectTransport, "request form " + form
	case transport != "":
		return finding.AspectTransport, transport
	case hasPoint(candidate.points, isEscapePoint):
		return finding.AspectEncoding, "escapes in answers"
	case wait != "" && !p.isAboutOthers(candidate):
		return finding.AspectTimer, p.describeRequests(candidate.steps) + " after " + wait
	case hasCodeDifference(candidate.points) && isRepetition(candidate.steps):
		return finding.AspectLimit, fmt.Sprintf("the last of %d requests", len(candidate.steps))
	}
	for i := last; i >= 0; i-- {
		for _, change := range candidate.steps[i].Changes {
			if aspect := p.aspectOfChange(candidate, candidate.steps[i], change, i == last); aspect != "" {
				return aspect, change.Key
			}
		}
	}
	return p.classifyByPurpose(candidate)
}

// aspectOfChange returns the aspect of a changed parameter by its type. last says that the change
// is in the last step, whose answers differ. It returns "" if the change only prepares the
// difference.
func (p *serverPair) aspectOfChange(
	candidate *witness,
	step experiment.Step,
	change experiment.PairChange,
	last bool,
) finding.Aspect {
	command, ok := p.file.Command(step.Command)
	if !ok {
		return ""
	}
	sameCode := !hasPoint(candidate.points, func(point differencePoint) bool { return point.kind == "code" })
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
		if sameCode && change.Kind == experiment.SetValue && change.Value != "0" && isNumber(change.Value) {
			return finding.AspectPaging
		}
	case experiment.TypeSecret, experiment.TypeSelf:
		if !last || p.isAboutSession(candidate) {
			return finding.AspectSession
		}
	case experiment.TypeTarget:
		if change.Kind == experiment.SetValue && strings.HasPrefix(change.Value, "{") {
			return "" // another role is the target
		}
	case experiment.TypeEnum:
		isAllowed := change.Kind == experiment.SetValue &&
			slices.Contains(p.file.TypeOf(command, change.Key).Values, change.Value)
		if isAllowed && sameCode && p.file.VerbOf(step) != experiment.VerbLogin {
			return "" // an allowed value, such as a status
		}
	}
	if last && sameCode && len(candidate.points) == 1 && candidate.points[0].key == change.Key &&
		p.isEcho(candidate.points[0], change) {
		return finding.AspectField
	}
	return finding.AspectParameter
}

// isEcho reports whether one server returns the sent value in a field.
func (p *serverPair) isEcho(point differencePoint, change experiment.PairChange) bool {
	sent := p.file.Syntax.Unescape(change.Value)
	return point.kind == "field" && !point.isList && (point.valueA == sent || point.valueB == sent)
}

// verbAspects maps verbs in a witness to aspects. The first match wins: a minimal witness contains
// friendship requests only if they matter, even if it sends messages too.
var verbAspects = []struct {
	aspect finding.Aspect
	verbs  []experiment.Verb
}{
	{
		finding.AspectFriendship,
		[]experiment.Verb{
			experiment.VerbAdd,
			experiment.VerbRequest,
			experiment.VerbAccept,
			experiment.VerbReject,
			experiment.VerbDelete,
		},
	},
	{finding.AspectMessage, []experiment.Verb{experiment.VerbSend}},
	{finding.AspectPresence, []experiment.Verb{experiment.VerbStatus}},
	{finding.AspectPresence, []experiment.Verb{experiment.VerbLogout}},
}

// classifyByPurpose classifies a difference between unchanged requests by their verbs.
func (p *serverPair) classifyByPurpose(candidate *witness) (finding.Aspect, string) {
	end := candidate.steps[len(candidate.steps)-1]
	name := p.describeRequests(candidate.steps)
	list := slices.IndexFunc(candidate.points, func(point differencePoint) bool { return point.isList })
	listDiffers := hasPoint(candidate.points, func(point differencePoint) bool {
		return point.lengthsDiffer || point.orderDiffers || point.accountsDiffer
	})
	switch {
	case p.isAboutSession(candidate):
		return finding.AspectSession, name
	case list < 0 && end.TargetRole == end.Role && end.TargetRole != "":
		return finding.AspectParameter, "oneself"
	case !hasCodeDifference(candidate.points) && !listDiffers && !p.hasStatusField(candidate.points) &&
		p.readsState(end):
		return finding.AspectField, candidate.points[0].key
	}
	for _, about := range verbAspects {
		if slices.ContainsFunc(
			candidate.steps,
			func(step experiment.Step) bool { return slices.Contains(about.verbs, p.file.VerbOf(step)) },
		) {
			return about.aspect, name
		}
	}
	switch {
	case p.countLogins(candidate) > 1 && (listDiffers || p.hasStatusField(candidate.points)):
		return finding.AspectPresence, name
	case list >= 0:
		return finding.AspectPaging, candidate.points[list].key
	case hasCodeDifference(candidate.points):
		return finding.AspectSession, name
	}
	return finding.AspectField, candidate.points[0].key
}

// readsState reports whether a request is made for the content of its answer, not for its effect.
func (p *serverPair) readsState(step experiment.Step) bool {
	switch p.file.VerbOf(step) {
	case experiment.VerbFriends,
		experiment.VerbOnline,
		experiment.VerbInfo,
		experiment.VerbFind,
		experiment.VerbRead,
		experiment.VerbLogin,
		"":
		return true
	}
	return false
}

// isAboutOthers reports whether the difference is in what an account sees of other accounts.
func (p *serverPair) isAboutOthers(candidate *witness) bool {
	verb := p.file.VerbOf(candidate.steps[len(candidate.steps)-1])
	return !hasCodeDifference(candidate.points) &&
		(verb == experiment.VerbOnline || verb == experiment.VerbFind || verb == experiment.VerbInfo)
}

// isAboutSession reports whether only one server considers the account logged in, or lets it log
// in.
func (p *serverPair) isAboutSession(candidate *witness) bool {
	last := len(candidate.steps) - 1
	answerA, answerB := &candidate.traceA.Answers[last], &candidate.traceB.Answers[last]
	step, code := candidate.steps[last], p.file.Answer.CodeKey
	if p.file.VerbOf(step) == experiment.VerbLogin && last > 0 {
		return lab.IsDone(p.file, step.Command, answerA) != lab.IsDone(p.file, step.Command, answerB)
	}
	valueA, valueB := answerA.Value(code), answerB.Value(code)
	return valueA != valueB &&
		(slices.Contains(p.file.Answer.NotLoggedInCodes, valueA) ||
			slices.Contains(p.file.Answer.NotLoggedInCodes, valueB))
}

// hasStatusField reports whether a field differs whose key is also a parameter of the command that
// sets the status.
func (p *serverPair) hasStatusField(points []differencePoint) bool {
	step, ok := p.file.StepOf(experiment.VerbStatus, "", "")
	command, isDeclared := p.file.Command(step.Command)
	return ok && isDeclared && hasPoint(points, func(point differencePoint) bool {
		return slices.ContainsFunc(command.Parameters,
			func(parameter experiment.Parameter) bool { return parameter.Key == point.key })
	})
}

// transportDifference returns the name of a difference outside of records, or "" if there is none.
func transportDifference(points []differencePoint) string {
	for _, point := range points {
		switch point.kind {
		case "status", "type", "closed", "framing", "end":
			return point.kind
		case "form":
			if point.valueA == noAnswer || point.valueB == noAnswer || strings.HasPrefix(point.valueA, "status ") ||
				strings.HasPrefix(point.valueB, "status ") {
				return "no record"
			}
		}
	}
	return ""
}

// hasCodeDifference reports whether the answers differ in code or form.
func hasCodeDifference(points []differencePoint) bool {
	return hasPoint(points, func(point differencePoint) bool { return point.kind == "code" || point.kind == "form" })
}

// isRepetition reports whether more than half of the steps, and at least five, send the same
// command. In a minimal witness their number then matters.
func isRepetition(steps []experiment.Step) bool {
	counts := make(map[string]int)
	largest := 0
	for _, step := range steps {
		counts[step.Command]++
		largest = max(largest, counts[step.Command])
	}
	return largest >= 5 && 2*largest > len(steps)
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

// requestForm returns the first unusual HTTP form among the steps, or "".
func requestForm(steps []experiment.Step) string {
	for _, step := range steps {
		if step.HTTPForm != "" {
			return step.HTTPForm
		}
	}
	return ""
}

// totalWait returns the sum of all waits as text, or "" if there is none.
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

// isUnusualText reports whether a text needs escaping or could be altered by the encoding: it has
// control, non-ASCII or syntax characters, or surrounding spaces.
func isUnusualText(text string, syntax experiment.RecordSyntax) bool {
	for _, r := range text {
		if r > '~' || r < ' ' {
			return true
		}
	}
	if strings.TrimSpace(text) == "" {
		return false
	}
	return syntax.EscapeSign != "" && strings.Contains(text, syntax.EscapeSign) ||
		strings.ContainsAny(text, "+"+syntax.PairSeparator+syntax.ListSeparator+syntax.KeySeparator) ||
		strings.HasPrefix(text, " ") ||
		strings.HasSuffix(text, " ")
}

// describeRequests lists the roles and commands of the steps, without waits.
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
