package probetest

import (
	"regexp"
	"slices"
	"strings"
)

// A Translator gives words of a dialect their HTTP QQ names, so that what was found out in
// one can be held against what is true in the other. It knows words by where they stand:
// the dialect's keys are unique, and what a value means follows from its key.
type Translator struct{ d *Dialect }

// Translator is one for the dialect.
func (d *Dialect) Translator() Translator { return Translator{d} }

// Command is a command's name.
func (t Translator) Command(word string) string {
	return replace(word, t.d.Commands[:], httpQQ.Commands[:])
}

// Key is a key's name.
func (t Translator) Key(word string) string { return replace(word, t.d.Keys[:], httpQQ.Keys[:]) }

// Keys translates the keys in a text of words.
func (t Translator) Keys(text string) string {
	words := strings.Split(text, " ")
	for i := range words {
		words[i] = t.Key(words[i])
	}
	return strings.Join(words, " ")
}

// Value is a value of a key.
func (t Translator) Value(key, word string) string {
	for k, tables := range valuesOf {
		if t.d.Keys[k] != key {
			continue
		}
		return replace(word, tables(t.d), tables(httpQQ))
	}
	return word
}

var valuesOf = map[Key]func(*Dialect) []string{
	KeyVersion: func(dialect *Dialect) (names []string) {
		for _, version := range dialect.Versions {
			names = append(names, version.Name)
		}
		return names
	},
	KeyCommand: func(dialect *Dialect) []string { return dialect.Commands[:] },
	KeyCode:    func(dialect *Dialect) []string { return dialect.Codes[:] },
	KeyResult:  func(dialect *Dialect) []string { return dialect.Results[:] },
	KeyStatus:  func(dialect *Dialect) []string { return dialect.Statuses[:] },
	KeyProof:   func(dialect *Dialect) []string { return dialect.Proofs[:] },
	KeyLevel:   func(dialect *Dialect) []string { return dialect.Levels[:] },
	KeyChoice:  func(dialect *Dialect) []string { return append(dialect.Choices[:], dialect.Added[:]...) },
	KeyTypes:   func(dialect *Dialect) []string { return dialect.Types[:] },
	KeyLast:    func(dialect *Dialect) []string { return dialect.Last[:] },
}

func replace(word string, from, to []string) string {
	if i := slices.Index(from, word); i >= 0 && i < len(to) {
		return to[i]
	}
	return word
}

// Pairs translates each key=value in a text.
func (t Translator) Pairs(text string) string {
	return assigned.ReplaceAllStringFunc(text, func(pair string) string {
		key, value, _ := strings.Cut(pair, "=")
		end := ""
		if rest, ok := strings.CutSuffix(value, t.d.ListEnd); ok && t.d.ListEnd != "" {
			value, end = rest, httpQQ.ListEnd
		}
		if key == t.d.Keys[KeyTexts] {
			return t.Key(key) + "=" + t.Value(t.d.Keys[KeyStatus], value) + end // of a notice
		}
		return t.Key(key) + "=" + t.Value(key, value) + end
	})
}

var assigned = regexp.MustCompile(`\b[A-Za-z0-9]+=[^ /,]*`)

// Fields are the keys that a done answer to a command can have, in their order.
func (d *Dialect) FieldsOf(command string) []string {
	var keys []string
	i := slices.Index(d.Commands[:], command)
	if i < 0 {
		return nil
	}
	for _, key := range append(slices.Clone(d.Head), d.Fields[i]...) {
		keys = append(keys, d.Keys[key])
	}
	return append(keys, d.Keys[KeyTime])
}

// HTTPQQ is the dialect of the protocol itself.
func HTTPQQ() *Dialect { return httpQQ }
