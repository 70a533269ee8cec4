package study

import (
	"fmt"
	"slices"
	"testing"

	"github.com/rookery-im/rookery/internal/probe/experiment"
)

func TestACoveringArrayHasEachPairOfValues(t *testing.T) {
	var factors [][]variant
	for f, n := range []int{3, 4, 2, 5} {
		var some []variant
		for v := range n {
			some = append(some, variant{changes: []experiment.Change{set(fmt.Sprint("K", f), fmt.Sprint(v))}})
		}
		factors = append(factors, some)
	}
	rows := pairwise(factors)
	for f := range factors {
		for g := f + 1; g < len(factors); g++ {
			for _, v := range factors[f] {
				for _, w := range factors[g] {
					if !slices.ContainsFunc(rows, func(row []experiment.Change) bool {
						return slices.Contains(row, v.changes[0]) && slices.Contains(row, w.changes[0])
					}) {
						t.Errorf("no row has %v and %v", v.changes[0], w.changes[0])
					}
				}
			}
		}
	}
	if all := 3 * 4 * 2 * 5; len(rows) >= all/2 {
		t.Errorf("%d rows, all combinations are %d", len(rows), all)
	}
}

func TestVersionsAreCountedUpAndDown(t *testing.T) {
	for base, want := range map[string][]string{
		"1.1": {"1.0", "1.2", "1.5", "2.1", "0.1"},
		"A1":  {"A0", "A2", "A5"},
		"7":   {"4", "6", "8", "12"},
	} {
		got := versions(base)
		for _, v := range want {
			if !slices.Contains(got, v) {
				t.Errorf("versions(%q) = %q has no %q", base, got, v)
			}
		}
		if slices.Contains(got, base) {
			t.Errorf("versions(%q) has it itself", base)
		}
	}
}

func TestReferencesMoveWithTheSteps(t *testing.T) {
	for text, want := range map[string]string{
		"{seq:3}":            "{seq:5}",
		"{text:12}, {seq:1}": "{text:14}, {seq:3}",
		"{me} {seq}":         "{me} {seq}",
	} {
		if got := moveReferences(text, 2); got != want {
			t.Errorf("%q moves to %q, want %q", text, got, want)
		}
		if got := moveReferences(want, -2); got != text {
			t.Errorf("%q moves back to %q, want %q", want, got, text)
		}
	}
}

func TestMomentsBracketATime(t *testing.T) {
	low, high, truth := 0.0, 0.0, 300.0
	for range 20 {
		at := moments(low, high, 600, 4)
		if len(at) == 0 || high > 0 && high-low <= 2 {
			break
		}
		for _, after := range at {
			if after < truth {
				low = max(low, after)
			} else if high == 0 || after < high {
				high = after
			}
		}
	}
	if low >= truth || high < truth || high-low > 2 {
		t.Errorf("between %v and %v, it is %v", low, high, truth)
	}
}
