package experiment

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fileReader builds a File from YAML and collects problems.
type fileReader struct {
	fileName string
	getenv   func(string) (string, bool)
	file     *File
	problems Problems
}

func (r *fileReader) addProblem(line int, key, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.fileName, max(line, 1), key, fmt.Sprintf(format, args...)})
}

// yamlValue is a YAML node with its position. Its methods add a problem if the node does
// not have the form that the caller expects.
type yamlValue struct {
	*fileReader
	node *yaml.Node
	path string // path from the top, such as commands.Login
	line int
}

// yamlEntry is a key of a map with its value.
type yamlEntry struct {
	name string
	line int
	yamlValue
}

func (v yamlValue) addProblem(format string, args ...any) {
	v.fileReader.addProblem(v.line, v.path, format, args...)
}

func (v yamlValue) childValue(key string, node *yaml.Node) yamlValue {
	line := node.Line
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return yamlValue{v.fileReader, node, key, line}
}

// syntaxErrorLine matches the line number in errors of the YAML parser.
var syntaxErrorLine = regexp.MustCompile(`^(?:yaml: )?(?:line ([0-9]+): )?`)

// readDocument parses the file, which must be a single YAML document.
func (r *fileReader) readDocument(text []byte) (yamlValue, bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		r.addProblem(1, "", "the file is empty; declare accounts and commands, as the shipped files do")
		return yamlValue{}, false
	}
	if err == nil {
		if err = decoder.Decode(&second); err == nil {
			r.addProblem(second.Line, "", "a second document begins here; put one experiment in a file")
			return yamlValue{}, false
		}
	}
	if !errors.Is(err, io.EOF) && err != nil {
		match := syntaxErrorLine.FindStringSubmatch(err.Error())
		line, _ := strconv.Atoi(match[1])
		r.addProblem(line, "",
			"this is no YAML: %s; indent with spaces, and put values that begin with a sign such as & or %% in quotes",
			strings.TrimPrefix(err.Error(), match[0]))
		return yamlValue{}, false
	}
	return yamlValue{fileReader: r}.childValue("", doc.Content[0]), true
}

func (v yamlValue) isNull() bool { return v.node.Kind == yaml.ScalarNode && v.node.Tag == "!!null" }

// isMapOrNull and isListOrNull report the kind of the value. An empty value counts as
// both.
func (v yamlValue) isMapOrNull() bool  { return v.isNull() || v.node.Kind == yaml.MappingNode }
func (v yamlValue) isListOrNull() bool { return v.isNull() || v.node.Kind == yaml.SequenceNode }

// describeKind says in a problem what the value is.
func (v yamlValue) describeKind() string {
	switch {
	case v.isNull():
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

// mapEntries returns the entries of a map with arbitrary keys, or none for an empty value.
func (v yamlValue) mapEntries(expectedForm string) []yamlEntry {
	if v.isNull() {
		return nil
	}
	if v.node.Kind != yaml.MappingNode {
		v.addProblem("%s; write a map: %s", v.describeKind(), expectedForm)
		return nil
	}
	var entries []yamlEntry
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, node := v.node.Content[i], v.node.Content[i+1]
		path := strings.TrimPrefix(v.path+"."+key.Value, ".")
		if key.Kind != yaml.ScalarNode {
			v.fileReader.addProblem(key.Line, v.path, "a key is a list or a map; write a word")
			continue
		}
		before := slices.IndexFunc(entries, func(entry yamlEntry) bool { return entry.name == key.Value })
		if before >= 0 {
			v.fileReader.addProblem(key.Line, path, "stands on line %d already; leave one of them",
				entries[before].line)
			continue
		}
		entries = append(entries, yamlEntry{key.Value, key.Line, v.childValue(path, node)})
	}
	return entries
}

// mapField is a key that a map may have.
type mapField struct {
	key string
	// to receives the value if the file has the key. It is a *string, *[]string or *bool, a func(text string) bool
	// that returns false for an invalid scalar, or a func(value yamlValue, form string).
	to      any
	form    string // what to write, for problems
	example string // for the problem of a missing key; "" if the key is optional
}

func required(key string, to any, form, example string) mapField {
	return mapField{key, to, form, example}
}

func optional(key string, to any, form string) mapField { return mapField{key, to, form, ""} }

// readFields reads a map with a fixed set of keys, in the order of fields, and returns the values by key.
func (v yamlValue) readFields(expectedForm string, fields ...mapField) map[string]yamlValue {
	var allowed []string
	for _, field := range fields {
		allowed = append(allowed, field.key)
	}
	values := make(map[string]yamlValue)
	for _, entry := range v.mapEntries(expectedForm) {
		if !slices.Contains(allowed, entry.name) {
			v.fileReader.addProblem(entry.line, entry.path, "there is no such key here; %s",
				suggestWord(entry.name, allowed))
			continue
		}
		values[entry.name] = entry.yamlValue
	}
	for _, field := range fields {
		if value, ok := values[field.key]; ok {
			value.readField(field)
		} else if field.example != "" && v.isMapOrNull() { // another kind has been reported before
			v.addProblem("%s is missing; write %s: %s", field.key, field.key, field.example)
		}
	}
	return values
}

func (v yamlValue) readField(field mapField) {
	switch to := field.to.(type) {
	case func(yamlValue, string):
		to(v, field.form)
	case func(string) bool:
		if text, ok := v.scalarText(field.form); ok && !to(text) {
			v.addProblem("%q is not valid; write %s", text, field.form)
		}
	case *string:
		*to, _ = v.nonEmptyText(field.form)
	case *[]string:
		*to = v.distinctTexts(field.form, yamlValue.scalarText)
	case *bool:
		field.to = func(text string) bool {
			*to = text == "true"
			return *to || text == "false"
		}
		v.readField(field)
	default:
		panic(fmt.Sprintf("the key %s cannot be stored in a %T", field.key, to))
	}
}

// storeWithin returns a function for a mapField that parses a number and stores it if it is in the range.
func storeWithin[T cmp.Ordered](to *T, parse func(string) (T, error), minimum, maximum T) func(string) bool {
	return func(text string) bool {
		number, err := parse(text)
		if err != nil || !(number >= minimum && number <= maximum) { // not a number is in no range
			return false
		}
		*to = number
		return true
	}
}

// listElements returns the elements of a list, or none for an empty value.
func (v yamlValue) listElements(expectedForm string) []yamlValue {
	if v.isNull() {
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		v.addProblem("%s; write a list: %s", v.describeKind(), expectedForm)
		return nil
	}
	var list []yamlValue
	for _, node := range v.node.Content {
		list = append(list, v.childValue(v.path, node))
	}
	return list
}

// distinctTexts returns the elements of a list, as readText returns them, and reports duplicates.
func (v yamlValue) distinctTexts(form string, readText func(yamlValue, string) (string, bool)) []string {
	var texts []string
	for _, element := range v.listElements(form) {
		text, ok := readText(element, form)
		if ok && slices.Contains(texts, text) {
			element.addProblem("%q stands twice; leave one of them", text)
		} else if ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// scalarText returns a scalar as it is written, so that a number keeps its leading zeros.
func (v yamlValue) scalarText(expectedForm string) (string, bool) {
	if v.node.Kind != yaml.ScalarNode || v.isNull() {
		v.addProblem("%s; write %s", v.describeKind(), expectedForm)
		return "", false
	}
	return v.node.Value, true
}

// nonEmptyText returns a scalar that is not empty.
func (v yamlValue) nonEmptyText(expectedForm string) (string, bool) {
	text, ok := v.scalarText(expectedForm)
	if ok && text == "" {
		v.addProblem("is empty; write %s", expectedForm)
		return "", false
	}
	return text, ok
}

// textOneOf returns a scalar that must be one of the allowed texts.
func (v yamlValue) textOneOf(description string, allowed []string) (string, bool) {
	text, ok := v.scalarText("one of " + strings.Join(allowed, ", "))
	if ok && !slices.Contains(allowed, text) {
		v.addProblem("there is no %s %s; %s", description, text, suggestWord(text, allowed))
		return "", false
	}
	return text, ok
}
