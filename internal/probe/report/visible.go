package report

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// visible shows what people cannot see, or should not have worked on them: bytes
// that are no UTF-8 and control characters as \xNN, other characters without a
// shape (among them those that turn the direction of writing) as \uNNNN. A line
// feed is shown and done.
func visible(s string) string {
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var out strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			out.WriteString("\\n\n")
		case r == '\r':
			out.WriteString(`\r`)
		case r == '\t':
			out.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&out, `\x%02x`, r)
		case r == utf8.RuneError && broken(s[i:]):
			fmt.Fprintf(&out, `\x%02x`, s[i])
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&out, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func hidden(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// broken tells a byte that is no UTF-8 from the character that stands for such.
func broken(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	return size == 1
}

// visibleLines is visible for a text whose line ends are nothing to wonder about.
func visibleLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(strings.TrimRight(s, "\r\n"), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// shorten leaves out the middle of a long text and says so; protocol.json has all
// of it.
func shorten(s string) string {
	const most, start, end = 600, 400, 100
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return fmt.Sprintf("%s … %s characters left out … %s",
		string(r[:start]), count(len(r)-start-end), string(r[len(r)-end:]))
}

// shown is a study as people see it.
func shown(study *finding.Study) *finding.Study {
	s := rewritten(study, func(text string) string { return shorten(visible(text)) })
	s.Experiment = visibleLines(study.Experiment)
	return s
}

// wellFormed shows bytes that are no UTF-8 as \xNN and leaves all else: JSON has
// forms for the rest, and none for these.
func wellFormed(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for i, r := range s {
		if r == utf8.RuneError && broken(s[i:]) {
			fmt.Fprintf(&out, `\x%02x`, s[i])
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// rewritten is a copy of a study with all its texts rewritten, so that no place
// that shows one can forget it. Lists that are nil become empty ones.
func rewritten(study *finding.Study, text func(string) string) *finding.Study {
	out := new(finding.Study)
	rewrite(reflect.ValueOf(out).Elem(), reflect.ValueOf(study).Elem(), text)
	return out
}

func rewrite(to, from reflect.Value, text func(string) string) {
	switch from.Kind() {
	case reflect.String:
		to.SetString(text(from.String()))
	case reflect.Struct:
		for i := range from.NumField() {
			rewrite(to.Field(i), from.Field(i), text)
		}
	case reflect.Slice:
		if from.Type().Elem().Kind() == reflect.Uint8 {
			to.Set(from) // bytes are no list
			return
		}
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			rewrite(to.Index(i), from.Index(i), text)
		}
	default:
		to.Set(from)
	}
}
