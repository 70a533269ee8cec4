package experiment

import (
	"regexp"
	"slices"
	"strings"
)

var (
	numericValue  = regexp.MustCompile(`^-?[0-9]+$`)
	dottedVersion = regexp.MustCompile(`^[0-9]+(\.[0-9]+)+$`)
	shortNumber   = regexp.MustCompile(`^[0-9]{1,3}$`)
)

// TypeOf returns what is known about a key of the command's request. A type that the file
// does not declare is inferred from the placeholder in the base request, or else from the
// value there.
func (f *File) TypeOf(command *Command, key string) Parameter {
	parameter := Parameter{Key: key}
	// The command's own parameters come last and take precedence.
	for _, declared := range slices.Concat(f.Parameters, command.Parameters) {
		if declared.Key == key {
			parameter = declared
		}
	}
	if parameter.Type != "" {
		return parameter
	}
	parameter.Type = TypeOpaque
	for _, pair := range command.Request {
		if pair.Key == key {
			parameter.Type = f.typeOfValue(command, pair)
		}
	}
	return parameter
}

func (f *File) typeOfValue(command *Command, pair Pair) ParameterType {
	names, err := Placeholders(pair.Value)
	switch {
	case err != nil:
		return TypeOpaque
	case len(names) > 0:
		return typeOfPlaceholder(names[0])
	case pair.Value == command.Name:
		return TypeCommandName
	case f.isVersion(pair):
		return TypeVersion
	case numericValue.MatchString(pair.Value):
		return TypeNumber
	}
	return TypeConstant
}

func typeOfPlaceholder(name string) ParameterType {
	kind, _, _ := strings.Cut(name, ":")
	switch kind {
	case "seq":
		return TypeMark
	case "me":
		return TypeSelf
	case "text":
		return TypeText
	case "command":
		return TypeCommandName
	case "time":
		return TypeNumber
	}
	if _, ok := ComputeProof(name, ""); ok {
		return TypeSecret
	}
	return TypeTarget // {to}, or a role
}

// isVersion reports whether the pair is in the request of every command and looks like a
// version: it has a dot, or its key begins with V and its value has one to three digits.
func (f *File) isVersion(pair Pair) bool {
	v := strings.HasPrefix(strings.ToLower(pair.Key), "v") && shortNumber.MatchString(pair.Value)
	if !v && !dottedVersion.MatchString(pair.Value) {
		return false
	}
	for _, command := range f.Commands {
		if !slices.Contains(command.Request, pair) {
			return false
		}
	}
	return true
}
