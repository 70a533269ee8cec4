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
type cause struct {
	witness
	aspect   finding.Aspect
	name     string
	commands []string
	shown    int // times that the witness showed it when it was replayed
	of       int
}

// judge says which side of the protocol a difference is about, and what it is
// called. The witness is as small as it gets: whatever is left in it matters.
func (p *pair) judge(w *witness) (finding.Aspect, string) {
	end := w.steps[len(w.steps)-1]
	if way := wayIn(w.steps); way != "" && !strings.HasPrefix(way, "charset=") {
		return finding.Transport, "request form " + way
	} else if way != "" {
		return finding.Encoding, way
	}
	if name := transportPoint(w.points); name != "" {
		return finding.Transport, name
	}
	if wait := waitIn(w.steps); wait != "" {
		return finding.TimerOf, p.transition(w.steps) + " after " + wait
	}
	if aspect, name := p.byChange(w); aspect != "" {
		return aspect, name
	}
	return p.byVerb(w, end)
}

func wayIn(steps []experiment.Step) string {
	for _, s := range steps {
		if s.Way != "" {
			return s.Way
		}
	}
	return ""
}

// transportPoint names a difference that lies outside of records.
func transportPoint(points []point) string {
	for _, p := range points {
		switch p.kind {
		case "status", "type", "closed", "end":
			return p.kind
		case "form":
			if p.a == "no answer" || p.b == "no answer" {
				return "no answer"
			}
			if strings.HasPrefix(p.a, "status ") || strings.HasPrefix(p.b, "status ") {
				return "status"
			}
		}
	}
	return ""
}

func waitIn(steps []experiment.Step) string {
	total := 0.0
	for _, s := range steps {
		total += s.Wait.Seconds()
	}
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("%g s", total)
}

// byChange judges by what is changed in a request: a parameter, a mark used
// again, a text.
func (p *pair) byChange(w *witness) (finding.Aspect, string) {
	for i := len(w.steps) - 1; i >= 0; i-- {
		step := w.steps[i]
		c, ok := p.file.Command(step.Command)
		if !ok {
			continue
		}
		for _, change := range step.Changes {
			parameter := p.file.TypeOf(c, change.Key)
			if aspect := p.ofChange(w, i, change, parameter); aspect != "" {
				return aspect, nameOfChange(change)
			}
		}
	}
	return "", ""
}

func nameOfChange(c experiment.Change) string { return c.Key }

// ofChange is what a change of one parameter in one step says about the
// difference; "" if it is only a part of the way there.
func (p *pair) ofChange(w *witness, at int, change experiment.Change, parameter experiment.Parameter) finding.Aspect {
	last := at == len(w.steps)-1
	switch parameter.Type {
	case experiment.Mark:
		if reference.MatchString(change.Value) || sameMarkTwice(w.steps, change) {
			return finding.Message
		}
		if fieldOnly(w.points) && last {
			return finding.FieldOf
		}
		return finding.Parameter
	case experiment.Text:
		if unusual(change.Value, p.file.Syntax) {
			return finding.Encoding
		}
		if len(change.Value) > 200 || change.Value == "" || change.Kind != experiment.Set {
			if !last && p.file.VerbOf(w.steps[len(w.steps)-1]) == experiment.Receive && change.Kind == experiment.Set && change.Value != "" {
				return finding.Message // how much comes at once
			}
			return finding.Parameter
		}
		return ""
	case experiment.Count, experiment.Cursor:
		if change.Kind == experiment.Set && digits(change.Value) && fieldOnly(w.points) {
			return finding.Paging
		}
		return finding.Parameter
	case experiment.Enum:
		// A status that is taken, a kind of proof: on the way somewhere else.
		if !last && change.Kind == experiment.Set && slices.Contains(parameter.Values, change.Value) &&
			p.file.VerbOf(w.steps[at]) != experiment.Login {
			return ""
		}
		if last && fieldOnly(w.points) && slices.Contains(parameter.Values, change.Value) && change.Kind == experiment.Set {
			return ""
		}
	case experiment.Secret:
		if !last || change.Value == wrong(change.Value) {
			return p.wrongLogin(w, at, last)
		}
	}
	if change.Kind == experiment.Set && !last && strings.Contains(change.Value, p.file.Syntax.Escape) && p.file.Syntax.Escape != "" {
		return finding.Encoding
	}
	return finding.Parameter
}

// wrong is the value that stands for a wrong secret, if it is one.
func wrong(value string) string {
	if strings.HasPrefix(value, "0badc0de") || value == "not the secret" {
		return value
	}
	return ""
}

// wrongLogin judges a login that should fail: on the way somewhere else it is
// about sessions; by itself it is about what is taken as a proof.
func (p *pair) wrongLogin(w *witness, at int, last bool) finding.Aspect {
	if last && !slices.ContainsFunc(w.steps[:at], func(s experiment.Step) bool { return p.file.VerbOf(s) == experiment.Login }) {
		return finding.Parameter
	}
	return finding.Session
}

// sameMarkTwice reports whether two steps have the same mark, literally.
func sameMarkTwice(steps []experiment.Step, change experiment.Change) bool {
	n := 0
	for _, s := range steps {
		for _, c := range s.Changes {
			if c.Key == change.Key && c.Value == change.Value {
				n++
			}
		}
	}
	return n > 1
}

// unusual reports whether a text is one that tells how texts are read.
func unusual(text string, y experiment.Syntax) bool {
	for _, r := range text {
		if r > '~' || r < ' ' {
			return true
		}
	}
	return y.Escape != "" && strings.Contains(text, y.Escape) || strings.ContainsAny(text, "+"+y.Pair+y.List+y.Equals) ||
		strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ") && strings.TrimSpace(text) != ""
}

func digits(v string) bool {
	return v != "" && strings.Trim(v, "0123456789") == ""
}

// fieldOnly reports whether both servers did what was asked, and differ in what
// they tell.
func fieldOnly(points []point) bool {
	return !slices.ContainsFunc(points, func(p point) bool { return p.kind != "field" && p.kind != "missing" && p.kind != "extra" })
}

// byVerb judges a difference between requests as the file has them.
func (p *pair) byVerb(w *witness, end experiment.Step) (finding.Aspect, string) {
	verb := p.file.VerbOf(end)
	first := w.points[0]
	if p.aboutSession(w, verb) {
		return finding.Session, p.transition(w.steps)
	}
	if verb != experiment.Receive {
		for _, x := range w.points {
			if x.kind == "missing" || x.kind == "extra" || p.isEcho(x) {
				return finding.FieldOf, x.key
			}
		}
	}
	if first.kind == "code" || first.kind == "form" {
		return p.ofCode(w, verb), p.transition(w.steps)
	}
	switch verb {
	case experiment.Receive:
		return p.ofReceived(w), p.transition(w.steps)
	case experiment.Friends, experiment.Find, experiment.Online:
		return p.ofList(w, verb)
	case experiment.Add, experiment.Request, experiment.Accept, experiment.Reject, experiment.Delete:
		return finding.Friendship, p.transition(w.steps)
	case experiment.Info:
		if p.has(w, experiment.Status) {
			return finding.Presence, first.key
		}
	case experiment.Login:
		if p.changesDone(w) {
			return finding.Session, p.transition(w.steps)
		}
	}
	return finding.FieldOf, first.key
}

// aboutSession reports whether one server takes the account for logged in and the
// other does not.
func (p *pair) aboutSession(w *witness, verb experiment.Verb) bool {
	end := len(w.steps) - 1
	if verb == experiment.Login && p.changesDone(w) {
		return true
	}
	a, b := &w.a.Answers[end], &w.b.Answers[end]
	code := p.file.Answer.Code
	if code == "" || a.Value(code) == b.Value(code) {
		return false
	}
	return slices.Contains(p.file.Answer.NotLoggedIn, a.Value(code)) || slices.Contains(p.file.Answer.NotLoggedIn, b.Value(code))
}

// changesDone reports whether one server did what was asked, and the other did not.
func (p *pair) changesDone(w *witness) bool {
	end := len(w.steps) - 1
	command := w.steps[end].Command
	return lab.Done(p.file, command, &w.a.Answers[end]) != lab.Done(p.file, command, &w.b.Answers[end])
}

// isEcho reports whether a field echoes what was sent, on one server at least.
func (p *pair) isEcho(x point) bool {
	return x.kind == "field" && (x.a == "{seq}" || x.b == "{seq}")
}

// ofCode judges a request that one does and the other refuses.
func (p *pair) ofCode(w *witness, verb experiment.Verb) finding.Aspect {
	switch verb {
	case experiment.Send, experiment.Receive:
		return finding.Message
	case experiment.Add, experiment.Request, experiment.Accept, experiment.Reject, experiment.Delete, experiment.Friends:
		return finding.Friendship
	case experiment.Status, experiment.Online:
		return finding.Presence
	case experiment.Login, experiment.Logout:
		return finding.Session
	}
	return finding.Parameter
}

func (p *pair) has(w *witness, verbs ...experiment.Verb) bool {
	return slices.ContainsFunc(w.steps, func(s experiment.Step) bool { return slices.Contains(verbs, p.file.VerbOf(s)) })
}

// ofReceived judges what was collected by what led to it.
func (p *pair) ofReceived(w *witness) finding.Aspect {
	switch {
	case p.has(w, experiment.Send):
		return finding.Message
	case p.has(w, experiment.Add, experiment.Request, experiment.Accept, experiment.Reject, experiment.Delete):
		return finding.Friendship
	case p.has(w, experiment.Status, experiment.Logout) || logins(p, w) > 1:
		return finding.Presence
	}
	return finding.FieldOf
}

func logins(p *pair, w *witness) int {
	n := 0
	for _, s := range w.steps {
		if p.file.VerbOf(s) == experiment.Login {
			n++
		}
	}
	return n
}

// ofList judges a list that differs: in order or bounds, or in who is in it.
func (p *pair) ofList(w *witness, verb experiment.Verb) (finding.Aspect, string) {
	var lists, marks []point
	for _, x := range w.points {
		if isList(x) || x.prefix {
			lists = append(lists, x)
		} else {
			marks = append(marks, x)
		}
	}
	key := w.points[0].key
	if len(lists) == 0 {
		return finding.Paging, marks[0].key // how many there are, whether there are more
	}
	key = lists[0].key
	bonds := p.has(w, experiment.Add, experiment.Request, experiment.Accept, experiment.Reject, experiment.Delete)
	for _, x := range lists {
		if x.order {
			return finding.Paging, "order"
		}
	}
	if bonds {
		return finding.Friendship, p.transition(w.steps)
	}
	sizes := slices.ContainsFunc(lists, func(x point) bool {
		return strings.Count(x.a, p.file.Syntax.List) != strings.Count(x.b, p.file.Syntax.List)
	})
	if verb == experiment.Friends {
		if sizes {
			return finding.Paging, key
		}
		return finding.FieldOf, key
	}
	if p.has(w, experiment.Status, experiment.Logout) || logins(p, w) > 1 && sizes || p.listsStatus(lists) {
		return finding.Presence, p.transition(w.steps)
	}
	if sizes {
		return finding.Paging, key
	}
	return finding.FieldOf, key
}

// listsStatus reports whether what differs are values of statuses.
func (p *pair) listsStatus(lists []point) bool {
	for _, c := range p.file.Commands {
		for _, q := range c.Parameters {
			if len(c.Does) == 0 || c.Does[0].Verb != experiment.Status {
				continue
			}
			for _, x := range lists {
				if x.key == q.Key {
					return true
				}
			}
		}
	}
	return false
}

// transition tells a witness in short: what leads to the last request.
func (p *pair) transition(steps []experiment.Step) string {
	var parts []string
	for _, s := range steps {
		if s.Wait > 0 {
			continue
		}
		name := s.Command
		if s.Verb != "" {
			name += "." + string(s.Verb)
		}
		parts = append(parts, s.Role+" "+name)
	}
	return strings.Join(parts, ", ")
}
