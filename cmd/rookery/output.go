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

// printer writes a command's output: text for people, or JSON, one object per line. It does not buffer, so that a
// reader of the output is always up to date.
type printer struct {
	out    io.Writer
	asJSON bool
}

// printJSON writes an object as a line of JSON.
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

// print writes object if the output is JSON, otherwise the formatted text as a line.
func (pr printer) print(object any, format string, args ...any) error {
	if pr.asJSON {
		return pr.printJSON(object)
	}
	_, err := fmt.Fprintf(pr.out, format+"\n", args...)
	return err
}

// printRows writes each row as a JSON object, or all rows as a table under header, whose titles are separated by
// spaces. A table without rows is not written.
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

// oneLine removes from foreign text whatever could control the terminal or imitate a line of this program. All
// printed text from others must pass through oneLine or termtext.Lines.
func oneLine(text string) string { return termtext.OneLine(text) }

// localTime formats a time for people, in the local time zone.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// jsonTime formats a time for JSON. It returns nil, JSON's null, if the time is unknown.
func jsonTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// statusWords maps statuses to their words in rookery status and in JSON.
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

// statusWord returns the word for a status, or its number if it has none.
func statusWord(status rookery.Status) string {
	for _, w := range statusWords {
		if w.status == status {
			return w.word
		}
	}
	return status.String()
}
