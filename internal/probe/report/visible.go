package report

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// escapeInvisible replaces characters that people cannot see or that could change the
// display: control characters and bytes that are not UTF-8 become \xNN, other unprintable
// characters, such as those that change the writing direction, become \uNNNN. A line feed
// is kept after its escape.
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

// isInvalidByte reports whether s begins with a byte that is not UTF-8, rather than with
// the replacement character itself.
func isInvalidByte(text string) bool {
	_, size := utf8.DecodeRuneInString(text)
	return size == 1
}

// escapeInvisibleLines is escapeInvisible for text in which line ends are expected.
func escapeInvisibleLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = escapeInvisible(line)
	}
	return strings.Join(lines, "\n")
}

// shortenMiddle removes the middle of a long text and says so. protocol.json has the whole
// text.
func shortenMiddle(text string) string {
	const most, start, end = 600, 400, 100
	characters := []rune(text)
	if len(characters) <= most {
		return text
	}
	return fmt.Sprintf("%s … %s characters left out … %s",
		string(characters[:start]), formatCount(len(characters)-start-end), string(characters[len(characters)-end:]))
}

// readableStudy returns a copy of the study with all texts prepared for people.
func readableStudy(study *finding.Study) *finding.Study {
	readable := mapTexts(study, func(text string) string { return shortenMiddle(escapeInvisible(text)) })
	readable.Experiment = escapeInvisibleLines(study.Experiment)
	return readable
}

// escapeInvalidUTF8 replaces bytes that are not UTF-8 by \xNN. JSON can represent
// everything else.
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

// mapTexts returns a copy of a study with text applied to every string, so that no
// renderer can omit it. Nil slices become empty ones.
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
			to.Set(from) // bytes are not a list of texts
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
