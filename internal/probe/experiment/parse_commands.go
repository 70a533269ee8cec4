package experiment

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

const commandsForm = `them by name: Login: {request: "CMD=Login&UIN={me}&PS={secret}", does: login}`

func (r *fileReader) commands(v yamlValue) {
	entries := v.entries(commandsForm)
	if len(entries) == 0 && v.mapped() {
		v.problem("is empty; write %s", commandsForm)
	}
	for _, e := range entries {
		if e.name == "" {
			r.problem(e.line, e.key, "a command has no name; write the server's name for it")
			continue
		}
		r.file.Commands = append(r.file.Commands, r.command(e))
	}
	// Only now is it known what is the same in all of them.
	for _, c := range r.file.Commands {
		for i := range c.Parameters {
			c.Parameters[i].Type = r.file.TypeOf(c, c.Parameters[i].Key).Type
		}
	}
}

func (r *fileReader) command(e yamlEntry) *Command {
	c := &Command{Name: e.name, Line: e.line}
	fields := e.fields(`{request: "CMD=Login&UIN={me}&PS={secret}", does: login}`,
		"request", "does", "done", "parameters", "destructive", "session")
	e.need(fields, "request")
	if request, ok := fields["request"]; ok {
		c.Request = r.request(request)
	}
	if p, ok := fields["parameters"]; ok {
		r.parameters(p, c)
	}
	if d, ok := fields["does"]; ok {
		r.does(d, c)
	}
	if d, ok := fields["done"]; ok {
		c.Done = r.pairs(d, "fields of the answer, such as RS=0")
	}
	if d, ok := fields["destructive"]; ok {
		c.Destructive = d.bool(false)
	}
	_, begins := c.Purpose(Login)
	c.Session = !begins
	if s, ok := fields["session"]; ok {
		c.Session = s.bool(c.Session)
	}
	return c
}

// pairs reads pairs in the syntax of the server.
func (r *fileReader) pairs(v yamlValue, form string) []Pair {
	text, ok := v.word(form)
	if !ok {
		return nil
	}
	pairs, err := r.file.Syntax.split(text)
	if err != nil {
		v.problem("%v", err)
	}
	return pairs
}

func (r *fileReader) request(v yamlValue) []Pair {
	pairs := r.pairs(v, "the pairs of a request that works, such as CMD=Login&UIN={me}")
	seen := make(map[string]bool)
	for _, p := range pairs {
		if seen[p.Key] {
			v.problem("%s stands twice; leave one of them, a scenario can send it twice with +%s=VALUE", p.Key, p.Key)
		}
		seen[p.Key] = true
		r.template(v, p)
	}
	return pairs
}

func (r *fileReader) template(v yamlValue, p Pair) {
	if err := r.file.checkTemplate(p.Value, 0); err != nil {
		v.problem("%s: %v", p.Key, err)
	}
}

// verbs are what a file can say that a command does.
var verbs = []string{
	string(Login), string(Logout), string(Status), string(Friends), string(Online), string(Info), string(Find), string(Add),
	string(Request), string(Accept), string(Reject), string(Delete), string(Send), string(Receive), string(Read),
}

func (r *fileReader) does(v yamlValue, c *Command) {
	const form = "a verb, or a map of verbs such as {request: CD=2, accept: CD=0}"
	if v.node.Kind != yaml.MappingNode {
		if verb, ok := v.oneOf("verb", verbs); ok {
			c.Does = []Purpose{{Verb: Verb(verb)}}
		}
		return
	}
	for _, e := range v.entries(form) {
		if !slices.Contains(verbs, e.name) {
			r.problem(e.line, e.key, "there is no verb %s; %s", e.name, choose(e.name, verbs))
			continue
		}
		p := Purpose{Verb: Verb(e.name)}
		if !e.null() {
			p.With = r.pairs(e.yamlValue, "the pairs that differ, such as CD=0")
		}
		for _, pair := range p.With {
			r.purposePair(e, c, pair)
		}
		c.Does = append(c.Does, p)
	}
}

// purposePair checks a pair of a purpose; the first one's must be in the request
// already.
func (r *fileReader) purposePair(e yamlEntry, c *Command, p Pair) {
	r.template(e.yamlValue, p)
	if !c.knows(p.Key) {
		e.problem("there is no parameter %s; %s; a key that is not in the request must stand under parameters",
			p.Key, choose(p.Key, c.keys()))
		return
	}
	if len(c.Does) == 0 && !slices.Contains(c.Request, p) {
		e.problem("the first purpose is what the request does as it stands, which has not %s%s%s; "+
			"change the request, or put the purpose that it has first",
			p.Key, r.file.Syntax.Equals, p.Value)
	}
}

// keys are those of the request and of the parameters, sorted.
func (c *Command) keys() []string {
	var keys []string
	for _, p := range c.Request {
		keys = append(keys, p.Key)
	}
	for _, p := range c.Parameters {
		keys = append(keys, p.Key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (c *Command) knows(key string) bool { return slices.Contains(c.keys(), key) }

var types = []string{
	string(Constant), string(Version), string(Name), string(Mark), string(Self), string(Target), string(Secret),
	string(Text), string(Count), string(Cursor), string(Number), string(Enum), string(Opaque),
}

// common reads parameters that many commands have.
func (r *fileReader) common(v yamlValue) {
	var all Command
	r.parameters(v, &all)
	for _, p := range all.Parameters {
		if p.Type == "" {
			p.Type = Opaque
		}
		r.file.Parameters = append(r.file.Parameters, p)
	}
}

func (r *fileReader) parameters(v yamlValue, c *Command) {
	for _, e := range v.entries("by key: TN: {type: count, max: 1000}") {
		p := Parameter{Key: e.name, Declared: true, Line: e.line}
		const form = "{type: count}, with min and max where they are known, or {values: [0, 1]}"
		fields := e.fields(form, "type", "values", "min", "max")
		if len(e.node.Content) == 0 && e.mapped() {
			e.problem("says nothing; write %s", form)
		}
		if t, ok := fields["type"]; ok {
			text, _ := t.oneOf("type", types)
			p.Type = Type(text)
		}
		r.values(e, fields, &p)
		r.bounds(e, fields, &p)
		if at := slices.IndexFunc(c.Request, func(pair Pair) bool { return pair.Key == p.Key }); at >= 0 {
			checkBase(e, p, c.Request[at].Value)
		}
		c.Parameters = append(c.Parameters, p)
	}
}

// values reads those of an enum.
func (r *fileReader) values(e yamlEntry, fields map[string]yamlValue, p *Parameter) {
	v, ok := fields["values"]
	if !ok {
		if p.Type == Enum {
			e.problem("an enum needs its values; write values: [0, 1]")
		}
		return
	}
	const form = "the values that are known, such as [0, 1]"
	p.Values = v.texts(form)
	if len(p.Values) == 0 && v.listed() && len(v.node.Content) == 0 {
		v.problem("is empty; write %s", form)
	}
	if p.Type == "" {
		if _, typed := fields["type"]; !typed {
			p.Type = Enum
		}
	} else if p.Type != Enum {
		v.problem("values are for the type enum, not for %s; leave one of them out", p.Type)
	}
}

var bound = regexp.MustCompile(`^-?[0-9]{1,40}$`)

// bounds reads min and max.
func (r *fileReader) bounds(e yamlEntry, fields map[string]yamlValue, p *Parameter) {
	for _, b := range []struct {
		key string
		to  *string
	}{{"min", &p.Min}, {"max", &p.Max}} {
		v, ok := fields[b.key]
		if !ok {
			continue
		}
		const form = "a whole number"
		text, ok := v.text(form)
		switch {
		case !ok:
		case !bound.MatchString(text):
			v.problem("%q is no number; write %s", text, form)
		case p.Type != "" && p.Type != Number && p.Type != Count && p.Type != Cursor:
			v.problem("min and max are for the types number, count and cursor, not for %s; leave one of them out", p.Type)
		default:
			*b.to = text
		}
	}
	if _, typed := fields["type"]; !typed && p.Type == "" && p.Min+p.Max != "" {
		p.Type = Number
	}
	if p.Min != "" && p.Max != "" && below(p.Max, p.Min) {
		e.problem("max, %s, is below min, %s; write the lower one as min", p.Max, p.Min)
	}
}

func below(a, b string) bool {
	x, _ := new(big.Int).SetString(a, 10)
	y, _ := new(big.Int).SetString(b, 10)
	return x.Cmp(y) < 0
}

// checkBase sees that the base request fits what is said of its key.
func checkBase(e yamlEntry, p Parameter, base string) {
	const hint = "change the request, or what is said of it here"
	if names, err := Placeholders(base); err != nil || len(names) > 0 || base == "" {
		return // not known yet, or left open
	}
	if len(p.Values) > 0 && !slices.Contains(p.Values, base) {
		e.problem("the request has %q, which is not among the values; %s", base, hint)
	}
	if !bound.MatchString(base) {
		return
	}
	if p.Min != "" && below(base, p.Min) || p.Max != "" && below(p.Max, base) {
		e.problem("the request has %s, which is out of the range; %s", base, hint)
	}
}

func (r *fileReader) setup(v yamlValue) { r.file.Setup = r.steps(v) }

func (r *fileReader) scenarios(v yamlValue) {
	for _, e := range v.entries("names with lists of steps") {
		s := Scenario{Name: e.name, Steps: r.steps(e.yamlValue)}
		if e.listed() && len(e.node.Content) == 0 {
			e.problem("has no steps; write them as a list: %s", stepsForm)
		}
		r.file.Scenarios = append(r.file.Scenarios, s)
	}
}

const stepsForm = "[a Login, wait 10, a Logout]"

// steps reads steps. Where there are no accounts or commands at all that is said
// once, and not for each step.
func (r *fileReader) steps(v yamlValue) []Step {
	var steps []Step
	for i, e := range v.list(stepsForm) {
		line, ok := e.word("a step, such as a Login; one with a colon in quotes")
		if !ok || len(r.file.Accounts) == 0 || len(r.file.Commands) == 0 {
			continue
		}
		s, err := r.file.readStep(line)
		if err != nil {
			e.problem("step %d, %s: %v", i+1, line, err)
			continue
		}
		errs := r.file.checkStep(s, i+1)
		if len(errs) == 0 {
			errs = r.file.checkOwnStep(s)
		}
		for _, err := range errs {
			e.problem("step %d, %s: %v", i+1, line, err)
		}
		steps = append(steps, s)
	}
	return steps
}

// checkOwnStep checks what only a file's own steps must keep: the prober sends keys
// that nobody has declared, a user who does it has made a typing error.
func (f *File) checkOwnStep(s Step) []error {
	c, ok := f.Command(s.Command)
	if !ok { // a wait
		return nil
	}
	var errs []error
	if c.Destructive && !f.Allow.Destructive {
		errs = append(errs, fmt.Errorf("%s is destructive; write allow: {destructive: true} if that does no harm, "+
			"or leave the step out", c.Name))
	}
	known := c.keys()
	for _, change := range s.Changes {
		switch {
		case change.Kind == Append || change.Kind == Before:
			known = append(known, change.Key)
		case change.Kind == Rename:
			known = append(known, change.Value)
		case change.Kind == Set && !slices.Contains(known, change.Key):
			errs = append(errs, fmt.Errorf("%s has no parameter %s; %s; write +%s to send it nevertheless",
				c.Name, change.Key, choose(change.Key, known), formatChange(change)))
		}
	}
	if len(errs) == 0 {
		if _, err := f.Pairs(s); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
