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
	for _, yamlEntry := range entries {
		if yamlEntry.name == "" {
			r.problem(yamlEntry.line, yamlEntry.key, "a command has no name; write the server's name for it")
			continue
		}
		r.file.Commands = append(r.file.Commands, r.command(yamlEntry))
	}
	// Only now is it known what is the same in all of them.
	for _, command := range r.file.Commands {
		for i := range command.Parameters {
			command.Parameters[i].Type = r.file.TypeOf(command, command.Parameters[i].Key).Type
		}
	}
}

func (r *fileReader) command(e yamlEntry) *Command {
	command := &Command{Name: e.name, Line: e.line}
	fields := e.fields(`{request: "CMD=Login&UIN={me}&PS={secret}", does: login}`,
		"request", "does", "done", "parameters", "destructive", "session")
	e.need(fields, "request")
	if request, ok := fields["request"]; ok {
		command.Request = r.request(request)
	}
	if yamlValue, ok := fields["parameters"]; ok {
		r.parameters(yamlValue, command)
	}
	if yamlValue, ok := fields["does"]; ok {
		r.does(yamlValue, command)
	}
	if yamlValue, ok := fields["done"]; ok {
		command.SuccessFields = r.pairs(yamlValue, "fields of the answer, such as RS=0")
	}
	if yamlValue, ok := fields["destructive"]; ok {
		command.Destructive = yamlValue.bool(false)
	}
	_, begins := command.Purpose(VerbLogin)
	command.NeedsSession = !begins
	if yamlValue, ok := fields["session"]; ok {
		command.NeedsSession = yamlValue.bool(command.NeedsSession)
	}
	return command
}

// pairs reads pairs in the syntax of the server.
func (r *fileReader) pairs(v yamlValue, form string) []Pair {
	text, ok := v.word(form)
	if !ok {
		return nil
	}
	pairs, err := r.file.Syntax.splitStrict(text)
	if err != nil {
		v.problem("%v", err)
	}
	return pairs
}

func (r *fileReader) request(v yamlValue) []Pair {
	pairs := r.pairs(v, "the pairs of a request that works, such as CMD=Login&UIN={me}")
	seen := make(map[string]bool)
	for _, pair := range pairs {
		if seen[pair.Key] {
			v.problem("%s stands twice; leave one of them, a scenario can send it twice with +%s=VALUE", pair.Key, pair.Key)
		}
		seen[pair.Key] = true
		r.template(v, pair)
	}
	return pairs
}

func (r *fileReader) template(v yamlValue, pair Pair) {
	if err := r.file.checkTemplate(pair.Value, 0); err != nil {
		v.problem("%s: %v", pair.Key, err)
	}
}

// verbs are what a file can say that a command does.
var verbs = []string{
	string(VerbLogin), string(VerbLogout), string(VerbStatus), string(VerbFriends), string(VerbOnline), string(VerbInfo), string(VerbFind), string(VerbAdd),
	string(VerbRequest), string(VerbAccept), string(VerbReject), string(VerbDelete), string(VerbSend), string(VerbReceive), string(VerbRead),
}

func (r *fileReader) does(v yamlValue, command *Command) {
	const form = "a verb, or a map of verbs such as {request: CD=2, accept: CD=0}"
	if v.node.Kind != yaml.MappingNode {
		if verb, ok := v.oneOf("verb", verbs); ok {
			command.Purposes = []Purpose{{Verb: Verb(verb)}}
		}
		return
	}
	for _, yamlEntry := range v.entries(form) {
		if !slices.Contains(verbs, yamlEntry.name) {
			r.problem(yamlEntry.line, yamlEntry.key, "there is no verb %s; %s", yamlEntry.name, choose(yamlEntry.name, verbs))
			continue
		}
		purpose := Purpose{Verb: Verb(yamlEntry.name)}
		if !yamlEntry.null() {
			purpose.Pairs = r.pairs(yamlEntry.yamlValue, "the pairs that differ, such as CD=0")
		}
		for _, pair := range purpose.Pairs {
			r.purposePair(yamlEntry, command, pair)
		}
		command.Purposes = append(command.Purposes, purpose)
	}
}

// purposePair checks a pair of a purpose; the first one's must be in the request
// already.
func (r *fileReader) purposePair(e yamlEntry, command *Command, pair Pair) {
	r.template(e.yamlValue, pair)
	if !command.hasKey(pair.Key) {
		e.problem("there is no parameter %s; %s; a key that is not in the request must stand under parameters",
			pair.Key, choose(pair.Key, command.keys()))
		return
	}
	if len(command.Purposes) == 0 && !slices.Contains(command.Request, pair) {
		e.problem("the first purpose is what the request does as it stands, which has not %s%s%s; "+
			"change the request, or put the purpose that it has first",
			pair.Key, r.file.Syntax.KeySeparator, pair.Value)
	}
}

// keys are those of the request and of the parameters, sorted.
func (c *Command) keys() []string {
	var keys []string
	for _, pair := range c.Request {
		keys = append(keys, pair.Key)
	}
	for _, parameter := range c.Parameters {
		keys = append(keys, parameter.Key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (c *Command) hasKey(key string) bool { return slices.Contains(c.keys(), key) }

var types = []string{
	string(TypeConstant), string(TypeVersion), string(TypeCommandName), string(TypeMark), string(TypeSelf), string(TypeTarget), string(TypeSecret),
	string(TypeText), string(TypeCount), string(TypeCursor), string(TypeNumber), string(TypeEnum), string(TypeOpaque),
}

// common reads parameters that many commands have.
func (r *fileReader) common(v yamlValue) {
	var all Command
	r.parameters(v, &all)
	for _, parameter := range all.Parameters {
		if parameter.Type == "" {
			parameter.Type = TypeOpaque
		}
		r.file.Parameters = append(r.file.Parameters, parameter)
	}
}

func (r *fileReader) parameters(v yamlValue, command *Command) {
	for _, yamlEntry := range v.entries("by key: TN: {type: count, max: 1000}") {
		parameter := Parameter{Key: yamlEntry.name, Declared: true, Line: yamlEntry.line}
		const form = "{type: count}, with min and max where they are known, or {values: [0, 1]}"
		fields := yamlEntry.fields(form, "type", "values", "min", "max")
		if len(yamlEntry.node.Content) == 0 && yamlEntry.mapped() {
			yamlEntry.problem("says nothing; write %s", form)
		}
		if yamlValue, ok := fields["type"]; ok {
			text, _ := yamlValue.oneOf("type", types)
			parameter.Type = ParameterType(text)
		}
		r.values(yamlEntry, fields, &parameter)
		r.bounds(yamlEntry, fields, &parameter)
		if at := slices.IndexFunc(command.Request, func(pair Pair) bool { return pair.Key == parameter.Key }); at >= 0 {
			checkBase(yamlEntry, parameter, command.Request[at].Value)
		}
		command.Parameters = append(command.Parameters, parameter)
	}
}

// values reads those of an enum.
func (r *fileReader) values(e yamlEntry, fields map[string]yamlValue, parameter *Parameter) {
	v, ok := fields["values"]
	if !ok {
		if parameter.Type == TypeEnum {
			e.problem("an enum needs its values; write values: [0, 1]")
		}
		return
	}
	const form = "the values that are known, such as [0, 1]"
	parameter.Values = v.texts(form)
	if len(parameter.Values) == 0 && v.listed() && len(v.node.Content) == 0 {
		v.problem("is empty; write %s", form)
	}
	if parameter.Type == "" {
		if _, typed := fields["type"]; !typed {
			parameter.Type = TypeEnum
		}
	} else if parameter.Type != TypeEnum {
		v.problem("values are for the type enum, not for %s; leave one of them out", parameter.Type)
	}
}

var bound = regexp.MustCompile(`^-?[0-9]{1,40}$`)

// bounds reads min and max.
func (r *fileReader) bounds(e yamlEntry, fields map[string]yamlValue, parameter *Parameter) {
	for _, b := range []struct {
		key string
		to  *string
	}{{"min", &parameter.Min}, {"max", &parameter.Max}} {
		yamlValue, ok := fields[b.key]
		if !ok {
			continue
		}
		const form = "a whole number"
		text, ok := yamlValue.text(form)
		switch {
		case !ok:
		case !bound.MatchString(text):
			yamlValue.problem("%q is no number; write %s", text, form)
		case parameter.Type != "" && parameter.Type != TypeNumber && parameter.Type != TypeCount && parameter.Type != TypeCursor:
			yamlValue.problem("min and max are for the types number, count and cursor, not for %s; leave one of them out", parameter.Type)
		default:
			*b.to = text
		}
	}
	if _, typed := fields["type"]; !typed && parameter.Type == "" && parameter.Min+parameter.Max != "" {
		parameter.Type = TypeNumber
	}
	if parameter.Min != "" && parameter.Max != "" && below(parameter.Max, parameter.Min) {
		e.problem("max, %s, is below min, %s; write the lower one as min", parameter.Max, parameter.Min)
	}
}

func below(a, b string) bool {
	x, _ := new(big.Int).SetString(a, 10)
	y, _ := new(big.Int).SetString(b, 10)
	return x.Cmp(y) < 0
}

// checkBase sees that the base request fits what is said of its key.
func checkBase(e yamlEntry, parameter Parameter, base string) {
	const hint = "change the request, or what is said of it here"
	if names, err := Placeholders(base); err != nil || len(names) > 0 || base == "" {
		return // not known yet, or left open
	}
	if len(parameter.Values) > 0 && !slices.Contains(parameter.Values, base) {
		e.problem("the request has %q, which is not among the values; %s", base, hint)
	}
	if !bound.MatchString(base) {
		return
	}
	if parameter.Min != "" && below(base, parameter.Min) || parameter.Max != "" && below(parameter.Max, base) {
		e.problem("the request has %s, which is out of the range; %s", base, hint)
	}
}

func (r *fileReader) setup(v yamlValue) { r.file.Setup = r.steps(v) }

func (r *fileReader) scenarios(v yamlValue) {
	for _, yamlEntry := range v.entries("names with lists of steps") {
		scenario := Scenario{Name: yamlEntry.name, Steps: r.steps(yamlEntry.yamlValue)}
		if yamlEntry.listed() && len(yamlEntry.node.Content) == 0 {
			yamlEntry.problem("has no steps; write them as a list: %s", stepsForm)
		}
		r.file.Scenarios = append(r.file.Scenarios, scenario)
	}
}

const stepsForm = "[a Login, wait 10, a Logout]"

// steps reads steps. Where there are no accounts or commands at all that is said
// once, and not for each step.
func (r *fileReader) steps(v yamlValue) []Step {
	var steps []Step
	for i, yamlValue := range v.list(stepsForm) {
		line, ok := yamlValue.word("a step, such as a Login; one with a colon in quotes")
		if !ok || len(r.file.Accounts) == 0 || len(r.file.Commands) == 0 {
			continue
		}
		step, err := r.file.readStep(line)
		if err != nil {
			yamlValue.problem("step %d, %s: %v", i+1, line, err)
			continue
		}
		errs := r.file.checkStep(step, i+1)
		if len(errs) == 0 {
			errs = r.file.checkOwnStep(step)
		}
		for _, err := range errs {
			yamlValue.problem("step %d, %s: %v", i+1, line, err)
		}
		steps = append(steps, step)
	}
	return steps
}

// checkOwnStep checks what only a file's own steps must keep: the prober sends keys
// that nobody has declared, a user who does it has made a typing error.
func (f *File) checkOwnStep(step Step) []error {
	command, ok := f.Command(step.Command)
	if !ok { // a wait
		return nil
	}
	var errs []error
	if command.Destructive && !f.Allow.Destructive {
		errs = append(errs, fmt.Errorf("%s is destructive; write allow: {destructive: true} if that does no harm, "+
			"or leave the step out", command.Name))
	}
	known := command.keys()
	for _, change := range step.Changes {
		switch {
		case change.Kind == AppendPair || change.Kind == PrependPair:
			known = append(known, change.Key)
		case change.Kind == RenameKey:
			known = append(known, change.Value)
		case change.Kind == SetValue && !slices.Contains(known, change.Key):
			errs = append(errs, fmt.Errorf("%s has no parameter %s; %s; write +%s to send it nevertheless",
				command.Name, change.Key, choose(change.Key, known), formatChange(change)))
		}
	}
	if len(errs) == 0 {
		if _, err := f.Pairs(step); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
