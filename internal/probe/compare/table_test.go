package compare_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The benchmark's table is in this page, between these comments.
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
	want, got := withoutRequests(table), withoutRequests(found)
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Errorf("the table in %s is outdated; run make bench-probe ARGS=-update. got:\n%s", benchmarkPage,
				found)
			return
		}
	}
}

func formatTable(all []*mutantResult) string {
	var b strings.Builder
	b.WriteString(
		"| mutant | what it does | expected | found | named | fuzzer | requests |\n|---|---|---|---|---|---|---|\n",
	)
	for _, r := range all {
		expected, named := fmt.Sprintf("%s, %s", r.Command, r.Aspect), yesOrNo(r.isNamed())
		if r.Equivalent {
			expected, named = "nothing: it is equivalent", "-"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %d |\n", r.Name,
			strings.ReplaceAll(r.Description, "|", "\\|"), strings.ReplaceAll(expected, "*", "\\*"),
			yesOrNo(r.isFound()), named, yesOrNo(r.foundByFuzzer), max(r.sent[0], r.sent[1]))
	}
	s := scoreOf(all)
	fuzzed := 0
	for _, r := range all {
		fuzzed += boolToInt(r.foundByFuzzer && !r.Equivalent)
	}
	fmt.Fprintf(&b, "\n%s. The plain fuzzer finds %d.\n", strings.ToUpper(s.String()[:1])+s.String()[1:], fuzzed)
	return b.String()
}

func yesOrNo(yes bool) string {
	if yes {
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
