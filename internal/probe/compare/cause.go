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
	if wait := waitIn(w.steps); wait != "" && !p.isSeen(w) {
		return finding.TimerOf, p.transition(w.steps) + " after " + wait
	}
	if x := escapePoint(w.points); x != "" {
		return finding.Encoding, "escapes in answers"
	}
	if key := p.proseOnly(w.points); key != "" {
		return finding.FieldOf, key
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
		case "status", "type", "closed", "framing", "end":
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

// isSeen reports whether a difference is about who is seen by somebody whose own
// session is as it was.
func (p *pair) isSeen(w *witness) bool {
	switch p.file.VerbOf(w.steps[len(w.steps)-1]) {
	case experiment.Online, experiment.Find, experiment.Info:
		return fieldOnly(w.points)
	case experiment.Receive:
		return fieldOnly(w.points) && !p.has(w, experiment.Send)
	}
	return false
}

// escapePoint is a field that means the same and is escaped otherwise.
func escapePoint(points []point) string {
	for _, p := range points {
		if p.kind == "escape" {
			return p.key
		}
	}
	return ""
}

// proseOnly is the field of which only one server has words for people, if
// nothing else differs.
func (p *pair) proseOnly(points []point) string {
	for _, x := range points {
		if !slices.Contains(p.file.Answer.Prose, x.key) {
			return ""
		}
	}
	return points[0].key
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
			if i == len(w.steps)-1 && len(w.points) == 1 && w.points[0].kind == "field" && w.points[0].key == change.Key {
				return finding.FieldOf, change.Key // the echo of it
			}
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
	if change.Kind == experiment.Set && p.escapes(change.Value) {
		return finding.Encoding
	}
	if !last && p.isStatus(change.Key) && fieldOnly(w.points) {
		return "" // a status that is taken, by whatever command
	}
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
		if len(change.Value) > 200 || strings.TrimSpace(change.Value) == "" || change.Kind != experiment.Set {
			if !last && p.file.VerbOf(w.steps[len(w.steps)-1]) == experiment.Receive && change.Kind == experiment.Set && change.Value != "" {
				return finding.Message // how much comes at once
			}
			return finding.Parameter
		}
		return ""
	case experiment.Count, experiment.Cursor:
		if change.Value == "0" && parameter.Type == experiment.Count {
			return finding.Parameter // what stands for no count
		}
		if fieldOnly(w.points) && (change.Kind == experiment.Set && digits(change.Value) || !anyList(w.points)) {
			return finding.Paging
		}
		return finding.Parameter
	case experiment.Target:
		if change.Kind == experiment.Set && strings.HasPrefix(change.Value, "{") {
			return "" // somebody else is meant
		}
	case experiment.Self:
		if p.aboutSession(w, "") {
			return finding.Session
		}
	case experiment.Enum:
		verb := p.file.VerbOf(w.steps[at])
		// A status that is taken, a kind of proof: on the way somewhere else.
		if !last && change.Kind == experiment.Set && slices.Contains(parameter.Values, change.Value) &&
			verb != experiment.Login {
			return ""
		}
		if last && p.changesDone(w) {
			return finding.Parameter
		}
		// How much is told, and what a status looks like, is a matter of fields.
		if last && fieldOnly(w.points) && slices.Contains(parameter.Values, change.Value) && change.Kind == experiment.Set &&
			(verb == experiment.Info || verb == experiment.Status) {
			return ""
		}
	case experiment.Secret:
		if !last || change.Value == wrong(change.Value) {
			return p.wrongLogin(w, at, last)
		}
	}
	return finding.Parameter
}

// escapes reports whether a value is written with an escape.
func (p *pair) escapes(value string) bool {
	y := p.file.Syntax
	return y.Escape != "" && y.Unescape(value) != value
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
	if strings.TrimSpace(text) == "" {
		return false
	}
	return y.Escape != "" && strings.Contains(text, y.Escape) || strings.ContainsAny(text, "+"+y.Pair+y.List+y.Equals) ||
		strings.HasPrefix(text, " ") || strings.HasSuffix(text, " ")
}

func anyList(points []point) bool {
	return slices.ContainsFunc(points, func(p point) bool { return p.list })
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
	if end.To == end.Role && p.changesDone(w) {
		return finding.Parameter, p.targetKey(end.Command) // whether it may be oneself
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
	case experiment.Read:
		if p.pages(end.Command) {
			return p.ofList(w, experiment.Friends)
		}
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

// targetKey is the key of a command that says whom it is about.
func (p *pair) targetKey(command string) string {
	c, _ := p.file.Command(command)
	for _, q := range c.Request {
		if p.file.TypeOf(c, q.Key).Type == experiment.Target {
			return q.Key
		}
	}
	return "target"
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
	moved := slices.ContainsFunc(w.points, func(x point) bool { return x.sizes || x.order || strings.Contains(x.a+x.b, "{text:") })
	switch {
	case p.has(w, experiment.Send) && !moved:
		return finding.FieldOf
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

// pages reports whether a command gives a list page by page.
func (p *pair) pages(command string) bool {
	c, _ := p.file.Command(command)
	return slices.ContainsFunc(c.Request, func(q experiment.Pair) bool {
		kind := p.file.TypeOf(c, q.Key).Type
		return kind == experiment.Cursor || kind == experiment.Count
	})
}

// ofList judges a list that differs: in order or bounds, or in who is in it.
func (p *pair) ofList(w *witness, verb experiment.Verb) (finding.Aspect, string) {
	if !anyList(w.points) {
		return finding.Paging, w.points[0].key // how many there are, whether there are more
	}
	var sizes, order, members, shape bool
	prefix := true
	for _, x := range w.points {
		sizes, order, members = sizes || x.sizes, order || x.order && x.accounts, members || x.members
		shape = shape || x.shape
		prefix = prefix && (x.prefix || !x.list)
	}
	key := w.points[slices.IndexFunc(w.points, func(x point) bool { return x.list })].key
	others := p.has(w, experiment.Status, experiment.Logout) || logins(p, w) > 1
	switch {
	case shape:
		return finding.FieldOf, key
	case order && !sizes:
		return finding.Paging, "order"
	case members && !sizes && !others:
		return finding.Paging, key // another part of the same list
	case verb == experiment.Online && !p.has(w, experiment.Add, experiment.Accept, experiment.Delete) && p.has(w, experiment.Request):
		return finding.Presence, p.transition(w.steps) // who is no friend yet, and is seen
	case p.has(w, experiment.Add, experiment.Request, experiment.Accept, experiment.Reject, experiment.Delete):
		return finding.Friendship, p.transition(w.steps)
	case (sizes || members) && (verb == experiment.Friends || prefix && !others):
		return finding.Paging, key
	case verb == experiment.Friends:
		return finding.FieldOf, key
	case sizes || members || p.listsStatus(w.points):
		return finding.Presence, p.transition(w.steps)
	}
	return finding.FieldOf, key
}

// listsStatus reports whether what differs are values of statuses.
func (p *pair) listsStatus(lists []point) bool {
	return slices.ContainsFunc(lists, func(x point) bool { return p.isStatus(x.key) })
}

// isStatus reports whether a key is that of a status.
func (p *pair) isStatus(key string) bool {
	for _, c := range p.file.Commands {
		if len(c.Does) > 0 && c.Does[0].Verb == experiment.Status &&
			slices.ContainsFunc(c.Parameters, func(q experiment.Parameter) bool { return q.Key == key }) {
			return true
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
