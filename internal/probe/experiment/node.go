package experiment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A reader makes a File of YAML, and collects what is wrong on the way.
type fileReader struct {
	name     string
	getenv   func(string) (string, bool)
	file     *File
	problems Problems
}

func (r *fileReader) problem(line int, key, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.name, max(line, 1), key, fmt.Sprintf(format, args...)})
}

// A value is a piece of the YAML with the place where it stands. Its methods
// report what has another form than the caller wants.
type yamlValue struct {
	*fileReader
	node *yaml.Node
	key  string // from the top
	line int
}

// An entry is one of a map.
type yamlEntry struct {
	name string
	line int
	yamlValue
}

func (v yamlValue) problem(format string, args ...any) {
	v.fileReader.problem(v.line, v.key, format, args...)
}

func (v yamlValue) at(key string, node *yaml.Node) yamlValue {
	line := node.Line
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return yamlValue{v.fileReader, node, key, line}
}

// syntaxLine is where the parser's errors say their line.
var syntaxLine = regexp.MustCompile(`^(?:yaml: )?(?:line ([0-9]+): )?`)

// document reads the only document of a file.
func (r *fileReader) document(text []byte) (yamlValue, bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		r.problem(1, "", "the file is empty; declare accounts and commands, as the shipped files do")
		return yamlValue{}, false
	}
	if err == nil {
		if err = decoder.Decode(&second); err == nil {
			r.problem(second.Line, "", "a second document begins here; put one experiment in a file")
			return yamlValue{}, false
		}
	}
	if !errors.Is(err, io.EOF) && err != nil {
		found := syntaxLine.FindStringSubmatch(err.Error())
		line, _ := strconv.Atoi(found[1])
		r.problem(line, "", "this is no YAML: %s; indent with spaces, and put values that begin with a sign such as & or %% in quotes",
			strings.TrimPrefix(err.Error(), found[0]))
		return yamlValue{}, false
	}
	return yamlValue{fileReader: r}.at("", doc.Content[0]), true
}

func (v yamlValue) null() bool { return v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!null" }

// mapped and listed say that the value is of that kind, or left empty.
func (v yamlValue) mapped() bool { return v.null() || v.node.Kind == yaml.MappingNode }
func (v yamlValue) listed() bool { return v.null() || v.node.Kind == yaml.SequenceNode }

// kind says what the value is, for people.
func (v yamlValue) kind() string {
	switch {
	case v.null():
		return "is empty"
	case v.node.Kind == yaml.MappingNode:
		return "is a map"
	case v.node.Kind == yaml.SequenceNode:
		return "is a list"
	case v.node.Kind == yaml.ScalarNode:
		return "is the text " + strconv.Quote(v.node.Value)
	}
	return "is something else"
}

// entries are those of a map whose keys are free; nothing for an empty value.
func (v yamlValue) entries(form string) []yamlEntry {
	if v.null() {
		return nil
	}
	if v.node.Kind != yaml.MappingNode {
		v.problem("%s; write a map: %s", v.kind(), form)
		return nil
	}
	var entries []yamlEntry
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, node := v.node.Content[i], v.node.Content[i+1]
		path := strings.TrimPrefix(v.key+"."+key.Value, ".")
		if key.Kind != yaml.ScalarNode {
			v.fileReader.problem(key.Line, v.key, "a key is a list or a map; write a word")
			continue
		}
		before := slices.IndexFunc(entries, func(e yamlEntry) bool { return e.name == key.Value })
		if before >= 0 {
			v.fileReader.problem(key.Line, path, "stands on line %d already; leave one of them", entries[before].line)
			continue
		}
		entries = append(entries, yamlEntry{key.Value, key.Line, v.at(path, node)})
	}
	return entries
}

// fields are those of a map with known keys.
func (v yamlValue) fields(form string, allowed ...string) map[string]yamlValue {
	fields := make(map[string]yamlValue)
	for _, yamlEntry := range v.entries(form) {
		if !slices.Contains(allowed, yamlEntry.name) {
			v.fileReader.problem(yamlEntry.line, yamlEntry.key, "there is no such key here; %s", choose(yamlEntry.name, allowed))
			continue
		}
		fields[yamlEntry.name] = yamlEntry.yamlValue
	}
	return fields
}

// need reports the keys that a map must have. What is no map was reported already.
func (v yamlValue) need(fields map[string]yamlValue, keys ...string) {
	for _, key := range keys {
		if _, ok := fields[key]; !ok && v.mapped() {
			v.problem("%s is missing; write %s", key, forms[key])
		}
	}
}

// forms are examples of what must not be missing.
var forms = map[string]string{
	"accounts": "accounts: with " + accountsForm,
	"commands": "commands: with " + commandsForm,
	"account":  "account: 10001",
	"secret":   "secret: $PROBE_A",
	"request":  `request: "CMD=Login&UIN={me}&PS={secret}"`,
	"first":    "first: 20000",
	"last":     "last: 20999",
	"url":      "url: /reset",
}

// list is the elements of a list; nothing for an empty value.
func (v yamlValue) list(form string) []yamlValue {
	if v.null() {
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		v.problem("%s; write a list: %s", v.kind(), form)
		return nil
	}
	var list []yamlValue
	for _, node := range v.node.Content {
		list = append(list, v.at(v.key, node))
	}
	return list
}

// texts are the elements of a list of words, which must differ.
func (v yamlValue) texts(form string) []string {
	var texts []string
	for _, yamlValue := range v.list(form) {
		text, ok := yamlValue.text(form)
		if !ok {
			continue
		}
		if slices.Contains(texts, text) {
			yamlValue.problem("%q stands twice; leave one of them", text)
			continue
		}
		texts = append(texts, text)
	}
	return texts
}

// text is a scalar as it is written: a number keeps its zeros.
func (v yamlValue) text(form string) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.null() {
		v.problem("%s; write %s", v.kind(), form)
		return "", false
	}
	return v.node.Value, true
}

// word is a text that is not empty.
func (v yamlValue) word(form string) (string, bool) {
	text, ok := v.text(form)
	if ok && text == "" {
		v.problem("is empty; write %s", form)
		return "", false
	}
	return text, ok
}

func (v yamlValue) bool(otherwise bool) bool {
	text, ok := v.text("true or false")
	if !ok || text == "true" || text == "false" {
		return ok && text == "true" || !ok && otherwise
	}
	v.problem("%q is neither true nor false; write one of them", text)
	return otherwise
}

func (v yamlValue) int(least, most, otherwise int) int {
	form := fmt.Sprintf("a whole number from %d to %d", least, most)
	text, ok := v.text(form)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		v.problem("%s is out of range, or no number; write %s", text, form)
		return otherwise
	}
	return n
}

func (v yamlValue) duration(otherwise time.Duration) time.Duration {
	const form = "a time with its unit, such as 90s, 10m or 1h30m"
	text, ok := v.text(form)
	if !ok {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		v.problem("%q is no time; write %s", text, form)
		return otherwise
	}
	return d
}

// oneOf is a text out of a few.
func (v yamlValue) oneOf(what string, allowed []string) (string, bool) {
	text, ok := v.text("one of " + strings.Join(allowed, ", "))
	if ok && !slices.Contains(allowed, text) {
		v.problem("there is no %s %s; %s", what, text, choose(text, allowed))
		return "", false
	}
	return text, ok
}
