package study

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// A variant is one way to send a parameter otherwise.
type parameterVariant struct {
	name    string
	changes []experiment.PairChange
	value   string // the value that the parameter has then, if that is all that changed
	plain   bool
}

// variants are those of one parameter: what holds for every key, then what its
// type suggests.
func (s *study) variants(command *experiment.Command, parameter experiment.Parameter) []parameterVariant {
	base, inBase := baseValue(command, parameter.Key)
	var all []parameterVariant
	value := func(name, v string) {
		all = append(all, parameterVariant{name: name, changes: []experiment.PairChange{set(parameter.Key, braced(v))}, value: v, plain: true})
	}
	template := func(name, v string) {
		all = append(all, parameterVariant{name: name, changes: []experiment.PairChange{set(parameter.Key, v)}, value: v, plain: true})
	}
	change := func(name string, changes ...experiment.PairChange) {
		all = append(all, parameterVariant{name: name, changes: changes})
	}
	if inBase {
		change("absent", experiment.PairChange{Kind: experiment.DropKey, Key: parameter.Key})
	}
	value("empty", "")
	other := s.otherValue(parameter, base)
	if inBase {
		change("twice, the other last", experiment.PairChange{Kind: experiment.AppendPair, Key: parameter.Key, Value: other})
		change("twice, the other first", experiment.PairChange{Kind: experiment.PrependPair, Key: parameter.Key, Value: other})
		change("key in small letters", experiment.PairChange{Kind: experiment.RenameKey, Key: parameter.Key, Value: otherCase(parameter.Key)})
		change("last", experiment.PairChange{Kind: experiment.MoveLast, Key: parameter.Key})
		change("first", experiment.PairChange{Kind: experiment.MoveFirst, Key: parameter.Key})
		template("a space before", " "+base)
		template("a space behind", base+" ")
		if e := s.File.Syntax.EscapeSign; e != "" && base != "" && !strings.HasPrefix(base, "{") {
			template("its first character escaped", fmt.Sprintf("%s%02X%s", e, base[0], base[1:]))
		}
	}
	s.typed(parameter, base, value, template)
	return all
}

// typed are the variants that a type suggests.
func (s *study) typed(parameter experiment.Parameter, base string, value, template func(name, v string)) {
	each := func(values ...string) {
		for _, v := range values {
			value(v, v)
		}
	}
	switch parameter.Type {
	case experiment.TypeCount:
		each("0", "1", "2", "3", "-1", "x", "1.5", "1x", "02", "+2", "99999", "4294967297", "99999999999999999999")
	case experiment.TypeCursor:
		each("1", "-1", "x", "1x", "4294967295", "4294967296", "99999999999999999999")
	case experiment.TypeNumber:
		each("0", "1", "-1", "x", "1.5", "25", "99999", "99999999999999999999")
	case experiment.TypeEnum:
		each(parameter.Values...)
		each(between(parameter.Values)...)
		each("-1", "x", "99")
	case experiment.TypeTarget:
		template("oneself", "{me}")
		for i, account := range s.File.Accounts {
			if i < 3 { // the others are asked for where it matters who they are
				template("{"+account.Role+"}", "{"+account.Role+"}")
			}
		}
		template("a zero before", "0{to}")
		each("10000", "9999", "9999999", "1", "0", "-1", "x", "4294967295", "4294967296", "99999999999999999999")
	case experiment.TypeSelf:
		template("another account", "{"+s.b+"}")
		template("a stranger", "{"+s.c+"}")
		each("10000", "9999", "9999999", "0", "-1", "x", "4294967296", "99999999999999999999")
		template("zeros before", "00{me}")
	case experiment.TypeMark:
		each("1", "0", "x")
		for _, n := range []int{16, 32, 33, 64, 300} {
			template(fmt.Sprintf("%d characters", n), markOfLength(n))
		}
		each("-1", "中文", "a+b")
		if e := s.File.Syntax.EscapeSign; e != "" {
			each("a" + s.File.Syntax.EscapeValue(s.File.Syntax.PairSeparator) + "b")
		}
	case experiment.TypeVersion:
		each(versions(base)...)
	case experiment.TypeCommandName:
		each(strings.ToLower(base), strings.ToUpper(base), base+" ", base+"x", base[:len(base)-1], "Xyzzy", "Nothing", "0")
	case experiment.TypeSecret:
		template("wrong", wrongValue(base))
		template("the secret itself", "{secret}")
		template("md5", "{md5(secret)}")
		template("MD5 in capitals", "{MD5(secret)}")
		template("sha1", "{sha1(secret)}")
		if other := otherLetters(base); other != base {
			template("in other letters", other)
		}
		each("x")
	case experiment.TypeText:
		each("x", strings.Repeat("x", 300), strings.Repeat("x", 4000), strings.Repeat("x", 4001), strings.Repeat("中", 1334), strings.Repeat("x", 20000), " ")
	default:
		each("0", "1", "x", base+"0", strings.Repeat("x", 300))
	}
}

// markOfLength is a template for a mark of n characters. A long one begins with the
// step's own mark, so that no server takes it for a repeat from another run.
func markOfLength(n int) string {
	if n <= lab.MarkLength {
		return strings.Repeat("9", n)
	}
	return "{seq}" + strings.Repeat("9", n-lab.MarkLength)
}

// otherLetters is a proof in capitals where it is in small letters, and the other
// way round.
func otherLetters(template string) string {
	for _, name := range []string{"md5", "sha1", "sha256"} {
		small, large := "{"+name+"(", "{"+strings.ToUpper(name)+"("
		if strings.Contains(template, small) {
			return strings.ReplaceAll(template, small, large)
		}
		if strings.Contains(template, large) {
			return strings.ReplaceAll(template, large, small)
		}
	}
	return template
}

func baseValue(command *experiment.Command, key string) (string, bool) {
	for _, pair := range command.Request {
		if pair.Key == key {
			return pair.Value, true
		}
	}
	return "", false
}

// Structural is the change of one kind that is tried with a parameter: the pair
// given twice, or its key in other letters. None if there is none for that key.
func Structural(file *experiment.File, command *experiment.Command, parameter experiment.Parameter, kind experiment.ChangeKind) []experiment.PairChange {
	s := &study{Config: Config{File: file}}
	s.a, s.b, s.c = s.role(0), s.role(1), s.role(2)
	for _, v := range s.variants(command, parameter) {
		if len(v.changes) == 1 && v.changes[0].Kind == kind {
			return v.changes
		}
	}
	return nil
}

// otherValue is one that is likely to be understood, and to mean something else.
func (s *study) otherValue(parameter experiment.Parameter, base string) string {
	switch parameter.Type {
	case experiment.TypeTarget, experiment.TypeSelf:
		return "{" + s.c + "}"
	case experiment.TypeCount:
		return "1"
	case experiment.TypeCursor:
		return "4294967295"
	case experiment.TypeEnum:
		for _, v := range parameter.Values {
			if v != base {
				return v
			}
		}
	case experiment.TypeSecret:
		return wrongValue(base)
	case experiment.TypeVersion:
		return "9.9"
	case experiment.TypeCommandName:
		return "Xyzzy"
	}
	return "123"
}

// otherCase is a key in other letters.
func otherCase(key string) string {
	if lower := strings.ToLower(key); lower != key {
		return lower
	}
	return strings.ToUpper(key)
}

// between are numbers beside those of a list.
func between(values []string) []string {
	var all []string
	for _, distance := range []int{10, 1, 5} {
		for _, v := range values {
			n, err := strconv.Atoi(v)
			if err != nil {
				continue
			}
			if m := strconv.Itoa(n + distance); !contains(values, m) && !contains(all, m) && len(all) < 10 {
				all = append(all, m)
			}
		}
	}
	return all
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

var numberIn = regexp.MustCompile(`\d+`)

// versions are those near a version, with each of its numbers counted up and down,
// and some that are none.
func versions(base string) []string {
	all := []string{"x", "", base + "0", base + ".0", "9.9"}
	found := numberIn.FindAllStringIndex(base, -1)
	for i, at := range found {
		n, err := strconv.Atoi(base[at[0]:at[1]])
		if err != nil {
			continue
		}
		from, to := -1, 1
		if i == len(found)-1 {
			from, to = -3, 5 // the least number is the one that is counted up
		}
		for d := from; d <= to; d++ {
			if d != 0 && n+d >= 0 {
				all = append(all, base[:at[0]]+strconv.Itoa(n+d)+base[at[1]:])
			}
		}
	}
	return unique(all)
}
