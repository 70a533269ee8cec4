package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

// A factRow is one line of protocolFacts.
type factRow struct {
	id, value string
	fits      *regexp.Regexp // the IDs of a rule; nil for a row
}

func factRows(t *testing.T) []factRow {
	t.Helper()
	var rows []factRow
	ids := make(map[string]bool)
	for line := range strings.Lines(protocolFacts) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rule, isRule := strings.CutPrefix(line, "~ ")
		id, value, ok := strings.Cut(rule, " = ")
		if !ok || ids[id] {
			t.Fatalf("the table of facts has a line without a value, or twice: %s", line)
		}
		ids[id] = true
		row := factRow{id: id, value: value}
		if isRule {
			p := regexp.QuoteMeta(id)
			p = strings.NewReplacer(`\*`, `[^/]*`, "<", "(?:", ">", ")", `\|`, "|").Replace(p)
			row.fits = regexp.MustCompile("^" + p + "$")
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *factRow) isAbout(id string) bool {
	if r.fits != nil {
		return r.fits.MatchString(id)
	}
	return r.id == id
}

func (r *factRow) agrees(value string) bool {
	if begin, ok := strings.CutSuffix(r.value, "*"); ok {
		return strings.HasPrefix(value, begin)
	}
	return r.value == value
}

// compareWithProtocol holds what a study has found against what the server should do:
// recall is how many rows it states, precision how many of its confirmed facts that
// rows and rules speak about agree with them.
func compareWithProtocol(t *testing.T, facts []finding.Fact) (recall, precision float64) {
	rows := factRows(t)
	stated := make(map[string]finding.Fact)
	for _, f := range facts {
		if f.Grade == finding.Confirmed || f.Grade == finding.Observed {
			stated[f.ID] = f
		}
	}
	found, all, missing := 0, 0, ""
	for _, r := range rows {
		if r.fits != nil {
			continue
		}
		all++
		if f, ok := stated[r.id]; ok && r.agrees(f.Value) {
			found++
		} else {
			missing += fmt.Sprintf("  %s = %s\n", r.id, r.value)
		}
	}
	right, judged, wrong := 0, 0, ""
	for _, f := range facts {
		if f.Grade != finding.Confirmed {
			continue
		}
		at := -1
		for i := range rows {
			if rows[i].isAbout(f.ID) {
				at = i
				break
			}
		}
		if at < 0 {
			continue
		}
		judged++
		if rows[at].agrees(f.Value) {
			right++
		} else {
			wrong += fmt.Sprintf("  %s = %s, should be %s (%s)\n", f.ID, f.Value, rows[at].value, f.Statement)
		}
	}
	t.Logf("of %d facts of the protocol the prober states %d; of %d confirmed facts about it %d are right", all, found, judged, right)
	t.Logf("not stated:\n%s", missing)
	t.Logf("confirmed, and wrong:\n%s", wrong)
	return float64(found) / float64(all), float64(right) / float64(judged)
}
