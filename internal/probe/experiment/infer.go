package experiment

import (
	"regexp"
	"slices"
	"strings"
)

var (
	numeric = regexp.MustCompile(`^-?[0-9]+$`)
	dotted  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)+$`)
	short   = regexp.MustCompile(`^[0-9]{1,3}$`)
)

// TypeOf is what is known of a key of the command's request: what the file
// declares, else what follows from the placeholder in the base request, else from
// the look of the value there.
func (f *File) TypeOf(c *Command, key string) Parameter {
	p := Parameter{Key: key}
	// The command's own come last, and count.
	for _, declared := range slices.Concat(f.Parameters, c.Parameters) {
		if declared.Key == key {
			p = declared
		}
	}
	if p.Type != "" {
		return p
	}
	p.Type = Opaque
	for _, pair := range c.Request {
		if pair.Key == key {
			p.Type = f.typeOfValue(c, pair)
		}
	}
	return p
}

func (f *File) typeOfValue(c *Command, p Pair) Type {
	names, err := Placeholders(p.Value)
	switch {
	case err != nil:
		return Opaque
	case len(names) > 0:
		return typeOfPlaceholder(names[0])
	case p.Value == c.Name:
		return Name
	case f.isVersion(p):
		return Version
	case numeric.MatchString(p.Value):
		return Number
	}
	return Constant
}

func typeOfPlaceholder(name string) Type {
	kind, _, _ := strings.Cut(name, ":")
	switch kind {
	case "seq":
		return Mark
	case "me":
		return Self
	case "text":
		return Text
	case "command":
		return Name
	case "time":
		return Number
	}
	if _, ok := Proof(name, ""); ok {
		return Secret
	}
	return Target // {to}, or a role
}

// isVersion says that the pair is in every command's request, and looks like a
// version: with a dot, or with few digits behind a key that begins with a V.
func (f *File) isVersion(p Pair) bool {
	v := strings.HasPrefix(strings.ToLower(p.Key), "v") && short.MatchString(p.Value)
	if !v && !dotted.MatchString(p.Value) {
		return false
	}
	for _, c := range f.Commands {
		if !slices.Contains(c.Request, p) {
			return false
		}
	}
	return true
}
