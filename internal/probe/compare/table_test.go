package compare_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The benchmark's table is in this page, between these marks.
const (
	benchmarkPage = "../../../docs/prober.md"
	tableBegin    = "<!-- mutants -->\n"
	tableEnd      = "<!-- /mutants -->\n"
)

// checkTable compares the page's table with the results, except for the numbers of requests, or
// updates the page.
func checkTable(t *testing.T, all []*mutantResult) {
	t.Helper()
	text, err := os.ReadFile(benchmarkPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no table between %q and %q", benchmarkPage, tableBegin, tableEnd)
	}
	found := formatTable(all)
	if *update {
		if err := os.WriteFile(benchmarkPage, []byte(before+tableBegin+found+tableEnd+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	told, now := withoutRequests(table), withoutRequests(found)
	for index := range max(len(told), len(now)) {
		if index >= len(told) || index >= len(now) || told[index] != now[index] {
			t.Errorf("%s says otherwise; make bench-probe ARGS=-update writes the table anew:\n%s", benchmarkPage,
				found)
			return
		}
	}
}

func formatTable(all []*mutantResult) string {
	var traceB strings.Builder
	traceB.WriteString(
		"| mutant | what it does | expected | found | named | fuzzer | requests |\n|---|---|---|---|---|---|---|\n",
	)
	for _, r := range all {
		expected, named := fmt.Sprintf("%s, %s", r.Command, r.Aspect), describeConnection(r.isNamed())
		if r.Equivalent {
			expected, named = "nothing: it is equivalent", "-"
		}
		fmt.Fprintf(&traceB, "| %s | %s | %s | %s | %s | %s | %d |\n", r.Name,
			strings.ReplaceAll(r.Description, "|", "\\|"), strings.ReplaceAll(expected, "*", "\\*"),
			describeConnection(r.isFound()), named, describeConnection(r.foundByFuzzer), max(r.sent[0], r.sent[1]))
	}
	s := scoreOf(all)
	fuzzed := 0
	for _, r := range all {
		fuzzed += boolToInt(r.foundByFuzzer && !r.Equivalent)
	}
	fmt.Fprintf(&traceB, "\n%s. The plain fuzzer finds %d.\n", strings.ToUpper(s.String()[:1])+s.String()[1:], fuzzed)
	return traceB.String()
}

func describeConnection(traceB bool) string {
	if traceB {
		return "yes"
	}
	return "no"
}

// withoutRequests returns the lines of a table without the last column, because the numbers of
// requests vary.
func withoutRequests(table string) []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if cells := strings.Split(line, " | "); len(cells) > 6 {
			line = strings.Join(cells[:len(cells)-1], " | ")
		}
		lines = append(lines, line)
	}
	return lines
}
