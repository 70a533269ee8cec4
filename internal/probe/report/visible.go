package report

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// escapeInvisible shows what people cannot see, or should not have worked on them: bytes
// that are no UTF-8 and control characters as \xNN, other characters without a
// shape (among them those that turn the direction of writing) as \uNNNN. A line
// feed is shown and done.
func escapeInvisible(text string) string {
	if strings.IndexFunc(text, isInvisible) < 0 {
		return text
	}
	var result strings.Builder
	for i, character := range text {
		switch {
		case character == '\n':
			result.WriteString("\\n\n")
		case character == '\r':
			result.WriteString(`\r`)
		case character == '\t':
			result.WriteString(`\t`)
		case character < ' ' || character == 0x7f:
			fmt.Fprintf(&result, `\x%02x`, character)
		case character == utf8.RuneError && isInvalidByte(text[i:]):
			fmt.Fprintf(&result, `\x%02x`, text[i])
		case !unicode.IsPrint(character) && character > 0xffff:
			fmt.Fprintf(&result, `\U%08x`, character)
		case !unicode.IsPrint(character):
			fmt.Fprintf(&result, `\u%04x`, character)
		default:
			result.WriteRune(character)
		}
	}
	return result.String()
}

func isInvisible(character rune) bool {
	return character == utf8.RuneError || !unicode.IsPrint(character)
}

// isInvalidByte tells a byte that is no UTF-8 from the character that stands for such.
func isInvalidByte(text string) bool {
	_, size := utf8.DecodeRuneInString(text)
	return size == 1
}

// escapeInvisibleLines is visible for a text whose line ends are nothing to wonder about.
func escapeInvisibleLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = escapeInvisible(line)
	}
	return strings.Join(lines, "\n")
}

// shortenMiddle leaves out the middle of a long text and says so; protocol.json has all
// of it.
func shortenMiddle(text string) string {
	const most, start, end = 600, 400, 100
	characters := []rune(text)
	if len(characters) <= most {
		return text
	}
	return fmt.Sprintf("%s … %s characters left out … %s",
		string(characters[:start]), formatCount(len(characters)-start-end), string(characters[len(characters)-end:]))
}

// readableStudy is a study as people see it.
func readableStudy(study *finding.Study) *finding.Study {
	readable := mapTexts(study, func(text string) string { return shortenMiddle(escapeInvisible(text)) })
	readable.Experiment = escapeInvisibleLines(study.Experiment)
	return readable
}

// escapeInvalidUTF8 shows bytes that are no UTF-8 as \xNN and leaves all else: JSON has
// forms for the rest, and none for these.
func escapeInvalidUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var result strings.Builder
	for i, character := range text {
		if character == utf8.RuneError && isInvalidByte(text[i:]) {
			fmt.Fprintf(&result, `\x%02x`, text[i])
		} else {
			result.WriteRune(character)
		}
	}
	return result.String()
}

// mapTexts is a copy of a study with all its texts rewritten, so that no place
// that shows one can forget it. Lists that are nil become empty ones.
func mapTexts(study *finding.Study, text func(string) string) *finding.Study {
	copied := new(finding.Study)
	mapValueTexts(reflect.ValueOf(copied).Elem(), reflect.ValueOf(study).Elem(), text)
	return copied
}

func mapValueTexts(to, from reflect.Value, text func(string) string) {
	switch from.Kind() {
	case reflect.String:
		to.SetString(text(from.String()))
	case reflect.Struct:
		for i := range from.NumField() {
			mapValueTexts(to.Field(i), from.Field(i), text)
		}
	case reflect.Slice:
		if from.Type().Elem().Kind() == reflect.Uint8 {
			to.Set(from) // bytes are no list
			return
		}
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			mapValueTexts(to.Index(i), from.Index(i), text)
		}
	default:
		to.Set(from)
	}
}
