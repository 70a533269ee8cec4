package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rookery-im/rookery"
	"github.com/rookery-im/rookery/internal/termtext"
)

// printer writes what a command has to say: text for people, or JSON, one object
// a line. Nothing is held back, so that who reads along is up to date.
type printer struct {
	out    io.Writer
	asJSON bool
}

// printJSON writes a line of JSON.
func (pr printer) printJSON(v any) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return err
	}
	_, err := pr.out.Write(termtext.EscapeJSON(text.Bytes()))
	return err
}

// print writes an object, or the text for people.
func (pr printer) print(object any, format string, args ...any) error {
	if pr.asJSON {
		return pr.printJSON(object)
	}
	_, err := fmt.Fprintf(pr.out, format+"\n", args...)
	return err
}

// printRows writes rows, each an object for programs and cells for people.
func printRows[T any](out printer, header string, rows []T, object func(T) any, cells func(T) []any) error {
	if out.asJSON {
		for _, row := range rows {
			if err := out.printJSON(object(row)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ReplaceAll(header, " ", "\t")) // errors show in Flush
	for _, row := range rows {
		for i, cell := range cells(row) {
			if i > 0 {
				fmt.Fprint(table, "\t")
			}
			fmt.Fprint(table, cell)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// oneLine is what somebody else has written, without what could steer a
// terminal or look like a line of ours. Whatever is printed for people and was
// not written by this program goes through it, or through termtext.Lines.
func oneLine(text string) string { return termtext.OneLine(text) }

// localTime is a time for people, in their own zone.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// jsonTime is a time for programs; nil, JSON's null, if it is not known.
func jsonTime(t time.Time) any {
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

func statusWord(status rookery.Status) string {
	for _, w := range statusWords {
		if w.status == status {
			return w.word
		}
	}
	return status.String()
}
