package experiment

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

const commandsExample = `them by name: Login: {request: "CMD=Login&UIN={me}&PS={secret}", does: login}`

func (r *fileReader) readCommands(value yamlValue, form string) {
	entries := value.mapEntries(form)
	if len(entries) == 0 && value.isMapOrNull() {
		value.addProblem("is empty; write %s", form)
	}
	for _, entry := range entries {
		if entry.name == "" {
			r.addProblem(entry.line, entry.path, "a command has no name; write the server's name for it")
			continue
		}
		r.file.Commands = append(r.file.Commands, r.readCommand(entry))
	}
	// Inferring types needs the requests of all commands.
	for _, command := range r.file.Commands {
		for i := range command.Parameters {
			command.Parameters[i].Type = r.file.TypeOf(command, command.Parameters[i].Key).Type
		}
	}
}

func (r *fileReader) readCommand(entry yamlEntry) *Command {
	command := &Command{Name: entry.name, Line: entry.line, NeedsSession: true}
	entry.readFields(`{request: "CMD=Login&UIN={me}&PS={secret}", does: login}`,
		required("request", func(value yamlValue, form string) { command.Request = r.readRequest(value, form) },
			"the pairs of a request that works, such as CMD=Login&UIN={me}", `"CMD=Login&UIN={me}&PS={secret}"`),
		optional("parameters", func(value yamlValue, form string) { r.readParameters(value, form, command) },
			parametersExample),
		optional("does", func(value yamlValue, form string) { r.readPurposes(value, form, command) },
			"a verb, or a map of verbs such as {request: CD=2, accept: CD=0}"),
		optional("done", func(value yamlValue, form string) { command.SuccessFields = r.readPairs(value, form) },
			"fields of the answer, such as RS=0"),
		optional("destructive", &command.Destructive, "true or false"),
		optional("session", &command.NeedsSession, "true or false"))
	return command
}

// readPairs reads pairs in the server's record syntax.
func (r *fileReader) readPairs(value yamlValue, expectedForm string) []Pair {
	text, ok := value.nonEmptyText(expectedForm)
	if !ok {
		return nil
	}
	pairs, err := r.file.Syntax.splitStrict(text)
	if err != nil {
		value.addProblem("%v", err)
	}
	return pairs
}

func (r *fileReader) readRequest(value yamlValue, form string) []Pair {
	pairs := r.readPairs(value, form)
	seen := make(map[string]bool)
	for _, pair := range pairs {
		if seen[pair.Key] {
			value.addProblem("%s stands twice; leave one of them, a scenario can send it twice with +%s=VALUE",
				pair.Key, pair.Key)
		}
		seen[pair.Key] = true
		r.checkPairTemplate(value, pair)
	}
	return pairs
}

func (r *fileReader) checkPairTemplate(value yamlValue, pair Pair) {
	if err := r.file.checkTemplate(pair.Value, 0); err != nil {
		value.addProblem("%s: %v", pair.Key, err)
	}
}

// verbNames are the verbs that a file can use.
var verbNames = []string{
	string(VerbLogin), string(VerbLogout), string(VerbStatus), string(VerbFriends), string(VerbOnline),
	string(VerbInfo), string(VerbFind), string(VerbAdd),
	string(VerbRequest), string(VerbAccept), string(VerbReject), string(VerbDelete), string(VerbSend),
	string(VerbReceive), string(VerbRead),
}

func (r *fileReader) readPurposes(value yamlValue, form string, command *Command) {
	// A command that begins a session needs none, unless the file says so.
	defer func() {
		_, beginsSession := command.Purpose(VerbLogin)
		command.NeedsSession = !beginsSession
	}()
	if value.node.Kind != yaml.MappingNode {
		if verb, ok := value.textOneOf("verb", verbNames); ok {
			command.Purposes = []Purpose{{Verb: Verb(verb)}}
		}
		return
	}
	for _, entry := range value.mapEntries(form) {
		if !slices.Contains(verbNames, entry.name) {
			r.addProblem(entry.line, entry.path, "there is no verb %s; %s", entry.name,
				suggestWord(entry.name, verbNames))
			continue
		}
		purpose := Purpose{Verb: Verb(entry.name)}
		if !entry.isNull() {
			purpose.Pairs = r.readPairs(entry.yamlValue, "the pairs that differ, such as CD=0")
		}
		for _, pair := range purpose.Pairs {
			r.checkPurposePair(entry, command, pair)
		}
		command.Purposes = append(command.Purposes, purpose)
	}
}

// checkPurposePair checks a pair of a purpose. A pair of the first purpose must be in the
// base request.
func (r *fileReader) checkPurposePair(entry yamlEntry, command *Command, pair Pair) {
	r.checkPairTemplate(entry.yamlValue, pair)
	if !command.hasKey(pair.Key) {
		entry.addProblem("there is no parameter %s; %s; a key that is not in the request must stand under parameters",
			pair.Key, suggestWord(pair.Key, command.requestKeys()))
		return
	}
	if len(command.Purposes) == 0 && !slices.Contains(command.Request, pair) {
		entry.addProblem("the first purpose is what the request does as it stands, which has not %s%s%s; "+
			"change the request, or put the purpose that it has first",
			pair.Key, r.file.Syntax.KeySeparator, pair.Value)
	}
}

// requestKeys returns the keys of the request and of the parameters, sorted.
func (c *Command) requestKeys() []string {
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

func (c *Command) hasKey(key string) bool { return slices.Contains(c.requestKeys(), key) }

var types = []string{
	string(TypeConstant), string(TypeVersion), string(TypeCommandName), string(TypeMark), string(TypeSelf),
	string(TypeTarget), string(TypeSecret),
	string(TypeText), string(TypeCount), string(TypeCursor), string(TypeNumber), string(TypeEnum), string(TypeOpaque),
}

const parametersExample = "by key: TN: {type: count, max: 1000}"

// readCommonParameters reads parameters that many commands have.
func (r *fileReader) readCommonParameters(value yamlValue, form string) {
	var all Command
	r.readParameters(value, form, &all)
	for _, parameter := range all.Parameters {
		parameter.Type = cmp.Or(parameter.Type, TypeOpaque)
		r.file.Parameters = append(r.file.Parameters, parameter)
	}
}

func (r *fileReader) readParameters(value yamlValue, form string, command *Command) {
	for _, entry := range value.mapEntries(form) {
		parameter := readParameter(entry)
		if index := slices.IndexFunc(command.Request,
			func(pair Pair) bool { return pair.Key == parameter.Key }); index >= 0 {
			checkBaseValue(entry, parameter, command.Request[index].Value)
		}
		command.Parameters = append(command.Parameters, parameter)
	}
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]{1,40}$`)

// readParameter reads a parameter. Without a declared type, values make an enum, and bounds a number.
func readParameter(entry yamlEntry) Parameter {
	const form = "{type: count}, with min and max where they are known, or {values: [0, 1]}"
	parameter := Parameter{Key: entry.name, Declared: true, Line: entry.line}
	storeNumber := func(to *string) func(string) bool {
		return func(text string) bool {
			*to = wholeNumber.FindString(text)
			return *to != ""
		}
	}
	fields := entry.readFields(form,
		optional("type", func(value yamlValue, _ string) {
			text, _ := value.textOneOf("type", types)
			parameter.Type = ParameterType(text)
		}, ""),
		optional("values", &parameter.Values, valuesForm),
		optional("min", storeNumber(&parameter.Min), "a whole number"),
		optional("max", storeNumber(&parameter.Max), "a whole number"))
	if len(entry.node.Content) == 0 && entry.isMapOrNull() {
		entry.addProblem("says nothing; write %s", form)
	}
	if _, hasType := fields["type"]; !hasType {
		if _, hasValues := fields["values"]; hasValues {
			parameter.Type = TypeEnum
		} else if parameter.Min+parameter.Max != "" {
			parameter.Type = TypeNumber
		}
	}
	checkValues(entry, fields, parameter)
	checkBounds(entry, fields, parameter)
	return parameter
}

const valuesForm = "the values that are known, such as [0, 1]"

func checkValues(entry yamlEntry, fields map[string]yamlValue, parameter Parameter) {
	value, ok := fields["values"]
	switch {
	case !ok && parameter.Type == TypeEnum:
		entry.addProblem("an enum needs its values; write values: [0, 1]")
	case ok && value.isListOrNull() && len(value.node.Content) == 0:
		value.addProblem("is empty; write %s", valuesForm)
	case ok && parameter.Type != "" && parameter.Type != TypeEnum:
		value.addProblem("values are for the type enum, not for %s; leave one of them out", parameter.Type)
	}
}

func checkBounds(entry yamlEntry, fields map[string]yamlValue, parameter Parameter) {
	for _, key := range []string{"min", "max"} {
		if value, ok := fields[key]; ok &&
			!slices.Contains([]ParameterType{"", TypeNumber, TypeCount, TypeCursor}, parameter.Type) {
			value.addProblem("min and max are for the types number, count and cursor, not for %s; leave one of them out",
				parameter.Type)
		}
	}
	if parameter.Min != "" && parameter.Max != "" && isBelow(parameter.Max, parameter.Min) {
		entry.addProblem("max, %s, is below min, %s; write the lower one as min", parameter.Max, parameter.Min)
	}
}

func isBelow(candidate, b string) bool {
	x, _ := new(big.Int).SetString(candidate, 10)
	y, _ := new(big.Int).SetString(b, 10)
	return x.Cmp(y) < 0
}

// checkBaseValue reports a base request whose value contradicts the declared parameter.
func checkBaseValue(entry yamlEntry, parameter Parameter, base string) {
	const hint = "change the request, or what is said of it here"
	if names, err := Placeholders(base); err != nil || len(names) > 0 || base == "" {
		return // not known yet, or left open
	}
	if len(parameter.Values) > 0 && !slices.Contains(parameter.Values, base) {
		entry.addProblem("the request has %q, which is not among the values; %s", base, hint)
	}
	if !wholeNumber.MatchString(base) {
		return
	}
	if parameter.Min != "" && isBelow(base, parameter.Min) || parameter.Max != "" && isBelow(parameter.Max, base) {
		entry.addProblem("the request has %s, which is out of the range; %s", base, hint)
	}
}

func (r *fileReader) readSetup(value yamlValue, _ string) { r.file.Setup = r.readSteps(value) }

func (r *fileReader) readScenarios(value yamlValue, form string) {
	for _, entry := range value.mapEntries(form) {
		scenario := Scenario{Name: entry.name, Steps: r.readSteps(entry.yamlValue)}
		if entry.isListOrNull() && len(entry.node.Content) == 0 {
			entry.addProblem("has no steps; write them as a list: %s", stepsExample)
		}
		r.file.Scenarios = append(r.file.Scenarios, scenario)
	}
}

const stepsExample = "[a Login, wait 10, a Logout]"

// readSteps reads a list of steps. If the file declares no accounts or commands, that is
// reported once and not for each step.
func (r *fileReader) readSteps(value yamlValue) []Step {
	var steps []Step
	for i, element := range value.listElements(stepsExample) {
		stepLine, ok := element.nonEmptyText("a step, such as a Login; one with a colon in quotes")
		if !ok || len(r.file.Accounts) == 0 || len(r.file.Commands) == 0 {
			continue
		}
		step, err := r.file.parseStepSyntax(stepLine)
		if err != nil {
			element.addProblem("step %d, %s: %v", i+1, stepLine, err)
			continue
		}
		problems := r.file.checkStep(step, i+1)
		if len(problems) == 0 {
			problems = r.file.checkDeclaredStep(step)
		}
		for _, err := range problems {
			element.addProblem("step %d, %s: %v", i+1, stepLine, err)
		}
		steps = append(steps, step)
	}
	return steps
}

// checkDeclaredStep checks a step of the file itself. The prober sends undeclared keys on
// purpose; in a file they are probably typing errors.
func (f *File) checkDeclaredStep(step Step) []error {
	command, ok := f.Command(step.Command)
	if !ok { // a wait
		return nil
	}
	var problems []error
	if command.Destructive && !f.Allow.Destructive {
		problems = append(problems,
			fmt.Errorf("%s is destructive; write allow: {destructive: true} if that does no harm, "+
				"or leave the step out", command.Name))
	}
	knownKeys := command.requestKeys()
	for _, change := range step.Changes {
		switch {
		case change.Kind == AppendPair || change.Kind == PrependPair:
			knownKeys = append(knownKeys, change.Key)
		case change.Kind == RenameKey:
			knownKeys = append(knownKeys, change.Value)
		case change.Kind == SetValue && !slices.Contains(knownKeys, change.Key):
			problems = append(problems, fmt.Errorf("%s has no parameter %s; %s; write +%s to send it nevertheless",
				command.Name, change.Key, suggestWord(change.Key, knownKeys), formatChange(change)))
		}
	}
	if len(problems) == 0 {
		if _, err := f.Pairs(step); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
