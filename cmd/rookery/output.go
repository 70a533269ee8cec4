package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rookery-im/rookery"
)

// printer writes what a command has to say: text for people, or JSON, one object
// a line. Nothing is held back, so that who reads along is up to date.
type printer struct {
	w    io.Writer
	json bool
}

// object writes a line of JSON.
func (p printer) object(v any) error {
	out := json.NewEncoder(p.w)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// say writes an object, or the text for people.
func (p printer) say(object any, format string, args ...any) error {
	if p.json {
		return p.object(object)
	}
	_, err := fmt.Fprintf(p.w, format+"\n", args...)
	return err
}

// table writes rows, each an object for programs and cells for people.
func table[T any](p printer, head string, rows []T, object func(T) any, cells func(T) []any) error {
	if p.json {
		for _, row := range rows {
			if err := p.object(object(row)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t")) // errors show in Flush
	for _, row := range rows {
		for i, cell := range cells(row) {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, cell)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

// oneLine is what somebody else has written, without what could steer a
// terminal or look like a line of ours.
func oneLine(text string) string {
	return harmless(strings.Join(strings.FieldsFunc(text, isLineEnd), " / "))
}

func isLineEnd(r rune) bool {
	return r == '\n' || r == '\r' || r == '\v' || r == '\f' || r == '\u2028' || r == '\u2029'
}

// harmless is printable without the marks that make a terminal write from right
// to left: they can make a text look like another.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return '\uFFFD'
		}
		return r
	}, printable(text))
}

// harmlessLines is harmless for a text that may have several lines.
func harmlessLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = harmless(lines[i])
	}
	return strings.Join(lines, "\n")
}

// localTime is a time for people, in their own zone.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// timestamp is a time for programs; nil, JSON's null, if it is not known.
func timestamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// statusWords are the statuses as rookery status takes them and as JSON has
// them.
var statusWords = []struct {
	word   string
	status rookery.Status
}{
	{"online", rookery.StatusOnline},
	{"away", rookery.StatusAway},
	{"busy", rookery.StatusBusy},
	{"invisible", rookery.StatusInvisible},
	{"offline", rookery.StatusOffline},
	{"talk", rookery.StatusTalkToMe},
	{"dnd", rookery.StatusDoNotDisturb},
}

func statusWord(s rookery.Status) string {
	for _, w := range statusWords {
		if w.status == s {
			return w.word
		}
	}
	return s.String()
}
