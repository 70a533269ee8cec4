// Package truth judges facts that a study states of a server. It takes a table that was written
// from docs/protocol.md and the server's rules, and the facts of a study. It returns the facts that
// the table contradicts or does not cover, and the rows that no fact confirms. It uses no code of
// the study.
//
// A row of a table describes one fact:
//
//	List/parameter/TN/presence = optional
//
// A row that begins with ~ is a pattern, which covers every fact that it matches: * stands for any
// name, and <A|B> for one of several. Values of all rows may use both. The value "some of A B C"
// accepts any of these words, and the row NAME/ends-after = 60 covers all times of a timer. The
// first matching row counts.
package truth

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rookery-im/rookery/internal/probe/finding"
)

//go:embed reference.txt
var reference string

//go:embed rookery.txt
var rookery string

// Reference returns the table of the reference server, in the words of HTTP QQ.
func Reference() (Table, error) { return Parse(reference) }

// Rookery returns the table of Rookery's server.
func Rookery() (Table, error) { return Parse(rookery) }

// Row is one line of a table.
type Row struct {
	ID, Value string
	// Rule marks a pattern, which covers all facts that match.
	Rule                    bool
	endsAfter               float64 // seconds, for the length of a timer
	idPattern, valuePattern *regexp.Regexp
}

// Table describes a server. The first matching row covers a fact.
type Table []Row

// Parse parses a table.
func Parse(text string) (Table, error) {
	var table Table
	seen := make(map[string]bool)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		remaining, rule := strings.CutPrefix(line, "~ ")
		id, value, ok := strings.Cut(remaining, " = ")
		if !ok || seen[id] {
			return nil, fmt.Errorf("line of the fact table without a value, or with a repeated ID: %s", line)
		}
		seen[id] = true
		row := Row{ID: id, Value: value, Rule: rule, idPattern: compilePattern(id, "[^/]*", rule),
			valuePattern: compilePattern(value, ".*", true)}
		table = append(table, row)
	}
	return table, nil
}

func compilePattern(text, wildcard string, wild bool) *regexp.Regexp {
	expression := regexp.QuoteMeta(text)
	if wild {
		expression = strings.NewReplacer(`\*`, wildcard, "<", "(?:", ">", ")", `\|`, "|").Replace(expression)
	}
	return regexp.MustCompile("^" + expression + "$")
}

// RowFor returns the row that covers a fact, nil if there is none.
func (t Table) RowFor(id string) *Row {
	for i := range t {
		if t[i].idPattern.MatchString(id) {
			return &t[i]
		}
	}
	timer, claim := id[:strings.LastIndex(id, "/")+1], id[strings.LastIndex(id, "/")+1:]
	end := slices.IndexFunc(t, func(row Row) bool { return row.ID == timer+"ends-after" })
	if end < 0 {
		return nil
	}
	endsAfter, err := strconv.ParseFloat(t[end].Value, 64)
	var seconds float64
	switch {
	case err != nil:
		return nil
	case claim == "length":
		return &Row{ID: id, Value: fmt.Sprintf("ends after %g s", endsAfter), endsAfter: endsAfter}
	default:
		if _, err := fmt.Sscanf(claim, "after-%g-s", &seconds); err != nil {
			return nil
		}
	}
	value := "not over"
	if seconds >= endsAfter {
		value = "over"
	}
	return &Row{ID: id, Value: value}
}

// Agrees reports whether a value agrees with the row.
func (r *Row) Agrees(value string) bool {
	var low, high float64
	if r.endsAfter > 0 {
		_, err := fmt.Sscanf(value, "%g to %g s", &low, &high)
		return err == nil && low < r.endsAfter && r.endsAfter <= high
	}
	if words, ok := strings.CutPrefix(r.Value, "some of "); ok {
		allowed := strings.Fields(words)
		return !slices.ContainsFunc(strings.Fields(value),
			func(word string) bool { return !slices.Contains(allowed, word) })
	}
	return r.Value == value || r.valuePattern != nil && r.valuePattern.MatchString(value)
}

// Judge returns a message for each confirmed or observed fact that is false or not covered.
func (t Table) Judge(facts []finding.Fact) (problems []string) {
	for i := range facts {
		fact := &facts[i]
		if !isStated(fact) {
			continue
		}
		switch row := t.RowFor(fact.ID); {
		case row == nil:
			problems = append(problems, fmt.Sprintf("no rule covers this fact: %s = %s", fact.ID, fact.Value))
		case !row.Agrees(fact.Value):
			problems = append(problems, fmt.Sprintf("false: %s = %s, should be %s (%s, %d times: %v)",
				fact.ID, fact.Value, row.Value, fact.Grade, fact.Observations, fact.Evidence))
		}
	}
	return problems
}

func isStated(fact *finding.Fact) bool {
	return fact.Grade == finding.Confirmed || fact.Grade == finding.Observed
}

// Missing returns the rows, except for patterns, that no fact confirms, and the number of rows that
// facts could confirm.
func (t Table) Missing(facts []finding.Fact) (missing []Row, total int) {
	known := make(map[string]string)
	for i := range facts {
		if isStated(&facts[i]) {
			known[facts[i].ID] = facts[i].Value
		}
	}
	for i := range t {
		row := &t[i]
		if row.Rule {
			continue
		}
		total++
		if timer, ok := strings.CutSuffix(row.ID, "ends-after"); ok {
			row = t.RowFor(timer + "length")
		}
		if value, ok := known[row.ID]; !ok || !row.Agrees(value) {
			missing = append(missing, *row)
		}
	}
	return missing, total
}
