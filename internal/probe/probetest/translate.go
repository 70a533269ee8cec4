package probetest

import (
	"regexp"
	"slices"
	"strings"
)

// Translator translates words of a dialect to those of HTTP QQ, so that findings about a server with
// the dialect can be compared with the truth about HTTP QQ. The key of a value determines which
// table translates the value. Unknown words stay as they are.
type Translator struct{ dialect *Dialect }

// Translator returns a translator from the dialect to HTTP QQ.
func (d *Dialect) Translator() Translator { return Translator{d} }

// Command translates the name of a command.
func (t Translator) Command(word string) string {
	return translateWord(word, t.dialect.Commands[:], httpQQ.Commands[:])
}

// Key translates a key.
func (t Translator) Key(word string) string {
	return translateWord(word, t.dialect.Keys[:], httpQQ.Keys[:])
}

// Keys translates each key in a text of words separated by spaces.
func (t Translator) Keys(text string) string {
	words := strings.Split(text, " ")
	for i := range words {
		words[i] = t.Key(words[i])
	}
	return strings.Join(words, " ")
}

// Value translates a value of a key. key is in the words of the dialect.
func (t Translator) Value(key, word string) string {
	for k, tables := range valueTables {
		if t.dialect.Keys[k] != key {
			continue
		}
		return translateWord(word, tables(t.dialect), tables(httpQQ))
	}
	return word
}

// valueTables holds, for each key whose values a dialect names, a function that returns these values
// in the order of their identifiers.
var valueTables = map[keyID]func(*Dialect) []string{
	keyVersion: func(dialect *Dialect) (names []string) {
		for _, version := range dialect.Versions {
			names = append(names, version.Name)
		}
		return names
	},
	keyCommand: func(dialect *Dialect) []string { return dialect.Commands[:] },
	keyCode:    func(dialect *Dialect) []string { return dialect.Codes[:] },
	keyResult:  func(dialect *Dialect) []string { return dialect.Results[:] },
	keyStatus:  func(dialect *Dialect) []string { return dialect.Statuses[:] },
	keyProof:   func(dialect *Dialect) []string { return dialect.Proofs[:] },
	keyLevel:   func(dialect *Dialect) []string { return dialect.Levels[:] },
	keyChoice:  func(dialect *Dialect) []string { return append(dialect.Choices[:], dialect.Added[:]...) },
	keyTypes:   func(dialect *Dialect) []string { return dialect.Types[:] },
	keyLast:    func(dialect *Dialect) []string { return dialect.Last[:] },
}

// translateWord returns the element of to at the index of word in from, and word itself if there is
// no such element.
func translateWord(word string, from, to []string) string {
	if index := slices.Index(from, word); index >= 0 && index < len(to) {
		return to[index]
	}
	return word
}

// Pairs translates each key=value in a text, including a list end behind the value.
func (t Translator) Pairs(text string) string {
	return pairPattern.ReplaceAllStringFunc(text, func(pair string) string {
		key, value, _ := strings.Cut(pair, "=")
		end := ""
		if remaining, ok := strings.CutSuffix(value, t.dialect.ListEnd); ok && t.dialect.ListEnd != "" {
			value, end = remaining, httpQQ.ListEnd
		}
		if key == t.dialect.Keys[keyTexts] {
			return t.Key(key) + "=" + t.Value(t.dialect.Keys[keyStatus], value) + end // a status in a notice
		}
		return t.Key(key) + "=" + t.Value(key, value) + end
	})
}

var pairPattern = regexp.MustCompile(`\b[A-Za-z0-9]+=[^ /,]*`)

// FieldsOf returns the keys of a successful answer to a command in order, with the key of
// [Config.TimeField] last. It returns nil for an unknown command.
func (d *Dialect) FieldsOf(command string) []string {
	var keys []string
	index := slices.Index(d.Commands[:], command)
	if index < 0 {
		return nil
	}
	for _, key := range append(slices.Clone(d.Head), d.Fields[index]...) {
		keys = append(keys, d.Keys[key])
	}
	return append(keys, d.Keys[keyTime])
}

// HTTPQQ returns the dialect of HTTP QQ.
func HTTPQQ() *Dialect { return httpQQ }
