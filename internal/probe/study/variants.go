package study

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/experiment"
	"github.com/rookery-im/rookery/internal/probe/lab"
)

// parameterVariant is one way to change a parameter of the base request.
type parameterVariant struct {
	name         string
	changes      []experiment.PairChange
	value        string // the new value, a template; only if isPlainValue
	isPlainValue bool   // changes only set a value, and leave key and position of the pair
}

// parameterVariants returns the variants of one parameter: those for every key, then those for its
// type.
func (s *study) parameterVariants(command *experiment.Command, parameter experiment.Parameter) []parameterVariant {
	base, inBase := baseValue(command, parameter.Key)
	var variants []parameterVariant
	value := func(name, value string) {
		variants = append(variants, parameterVariant{name: name,
			changes: []experiment.PairChange{setKey(parameter.Key, experiment.EscapeTemplate(value))}, value: value,
			isPlainValue: true})
	}
	template := func(name, value string) {
		variants = append(variants, parameterVariant{name: name,
			changes: []experiment.PairChange{setKey(parameter.Key, value)}, value: value, isPlainValue: true})
	}
	change := func(name string, changes ...experiment.PairChange) {
		variants = append(variants, parameterVariant{name: name, changes: changes})
	}
	if inBase {
		change("absent", experiment.PairChange{Kind: experiment.DropKey, Key: parameter.Key})
	}
	value("empty", "")
	other := s.otherValue(parameter, base)
	if inBase {
		change("twice, the other last", experiment.PairChange{Kind: experiment.AppendPair, Key: parameter.Key,
			Value: other})
		change("twice, the other first", experiment.PairChange{Kind: experiment.PrependPair, Key: parameter.Key,
			Value: other})
		change("key in small letters", experiment.PairChange{Kind: experiment.RenameKey, Key: parameter.Key,
			Value: swapKeyCase(parameter.Key)})
		change("last", experiment.PairChange{Kind: experiment.MoveLast, Key: parameter.Key})
		change("first", experiment.PairChange{Kind: experiment.MoveFirst, Key: parameter.Key})
		template("a space before", " "+base)
		template("a space after", base+" ")
		if element := s.File.Syntax.EscapeSign; element != "" && base != "" && !strings.HasPrefix(base, "{") {
			template("its first character escaped", fmt.Sprintf("%s%02X%s", element, base[0], base[1:]))
		}
	}
	s.addTypedVariants(parameter, base, value, template)
	return variants
}

// addTypedVariants adds the variants for a parameter's type.
func (s *study) addTypedVariants(
	parameter experiment.Parameter, base string, value, template func(name, value string),
) {
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
		each(neighbouringNumbers(parameter.Values)...)
		each("-1", "x", "99")
	case experiment.TypeTarget:
		template("oneself", "{me}")
		for i, account := range s.File.Accounts {
			if i < 3 { // other accounts are used where their rules matter
				template("{"+account.Role+"}", "{"+account.Role+"}")
			}
		}
		template("a zero before", "0{to}")
		each("10000", "9999", "9999999", "1", "0", "-1", "x", "4294967295", "4294967296", "99999999999999999999")
	case experiment.TypeSelf:
		template("another account", "{"+s.friend+"}")
		template("a stranger", "{"+s.stranger+"}")
		each("10000", "9999", "9999999", "0", "-1", "x", "4294967296", "99999999999999999999")
		template("zeros before", "00{me}")
	case experiment.TypeMark:
		each("1", "0", "x")
		for _, count := range []int{16, 32, 33, 64, 300} {
			template(fmt.Sprintf("%d characters", count), markOfLength(count))
		}
		each("-1", "中文", "a+b")
		if element := s.File.Syntax.EscapeSign; element != "" {
			each("a" + s.File.Syntax.EscapeValue(s.File.Syntax.PairSeparator) + "b")
		}
	case experiment.TypeVersion:
		each(nearVersions(base)...)
	case experiment.TypeCommandName:
		each(strings.ToLower(base), strings.ToUpper(base), base+" ", base+"x", base[:len(base)-1], "Xyzzy", "Nothing",
			"0")
	case experiment.TypeSecret:
		template("wrong", wrongProof(base))
		template("the secret itself", "{secret}")
		template("md5", "{md5(secret)}")
		template("MD5 in capitals", "{MD5(secret)}")
		template("sha1", "{sha1(secret)}")
		if other := swapHashCase(base); other != base {
			template("in other letters", other)
		}
		each("x")
	case experiment.TypeText:
		each("x", strings.Repeat("x", 300), strings.Repeat("x", 4000), strings.Repeat("x", 4001),
			strings.Repeat("中", 1334), strings.Repeat("x", 20000), " ")
	default:
		each("0", "1", "x", base+"0", strings.Repeat("x", 300))
	}
}

// markOfLength returns a template for a mark of count characters. A long mark begins with the
// step's own mark, so that the server does not take it for a repeat from another run.
func markOfLength(count int) string {
	if count <= lab.MarkLength {
		return strings.Repeat("9", count)
	}
	return "{seq}" + strings.Repeat("9", count-lab.MarkLength)
}

// swapHashCase swaps upper and lower case of a hash in a template.
func swapHashCase(template string) string {
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

// baseValue returns the value of a key in the base request of a command, false if the key is absent.
func baseValue(command *experiment.Command, key string) (string, bool) {
	for _, pair := range command.Request {
		if pair.Key == key {
			return pair.Value, true
		}
	}
	return "", false
}

// StructuralChange returns the change of one kind that a study tries with a parameter: the pair
// given twice, or its key in another case. It returns nil if there is none.
func StructuralChange(
	file *experiment.File, command *experiment.Command, parameter experiment.Parameter, kind experiment.ChangeKind,
) []experiment.PairChange {
	s := &study{Config: Config{File: file}}
	s.actor, s.friend, s.stranger = s.roleAt(0), s.roleAt(1), s.roleAt(2)
	for _, variant := range s.parameterVariants(command, parameter) {
		if len(variant.changes) == 1 && variant.changes[0].Kind == kind {
			return variant.changes
		}
	}
	return nil
}

// otherValue returns a value for a parameter that should have another effect than base.
func (s *study) otherValue(parameter experiment.Parameter, base string) string {
	switch parameter.Type {
	case experiment.TypeTarget, experiment.TypeSelf:
		return "{" + s.stranger + "}"
	case experiment.TypeCount:
		return "1"
	case experiment.TypeCursor:
		return "4294967295"
	case experiment.TypeEnum:
		for _, value := range parameter.Values {
			if value != base {
				return value
			}
		}
	case experiment.TypeSecret:
		return wrongProof(base)
	case experiment.TypeVersion:
		return "9.9"
	case experiment.TypeCommandName:
		return "Xyzzy"
	}
	return "123"
}

// swapKeyCase returns a key in another case.
func swapKeyCase(key string) string {
	if lower := strings.ToLower(key); lower != key {
		return lower
	}
	return strings.ToUpper(key)
}

// neighbouringNumbers returns numbers near those of a list.
func neighbouringNumbers(values []string) []string {
	var found []string
	for _, distance := range []int{10, 1, 5} {
		for _, value := range values {
			count, err := strconv.Atoi(value)
			if err != nil {
				continue
			}
			if m := strconv.Itoa(count + distance); !slices.Contains(values, m) && !slices.Contains(found, m) &&
				len(found) < 10 {
				found = append(found, m)
			}
		}
	}
	return found
}

var digits = regexp.MustCompile(`\d+`)

// nearVersions returns versions with each number increased and decreased, and some that are
// invalid.
func nearVersions(base string) []string {
	all := []string{"x", "", base + "0", base + ".0", "9.9"}
	found := digits.FindAllStringIndex(base, -1)
	for i, at := range found {
		count, err := strconv.Atoi(base[at[0]:at[1]])
		if err != nil {
			continue
		}
		from, to := -1, 1
		if i == len(found)-1 {
			from, to = -3, 5 // the last number changes most often
		}
		for offset := from; offset <= to; offset++ {
			if offset != 0 && count+offset >= 0 {
				all = append(all, base[:at[0]]+strconv.Itoa(count+offset)+base[at[1]:])
			}
		}
	}
	return uniqueStrings(all)
}
