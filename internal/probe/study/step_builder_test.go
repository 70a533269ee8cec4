package study

import (
	"slices"
	"testing"
)

func TestNearVersionsIncreaseAndDecreaseEachNumber(t *testing.T) {
	for base, want := range map[string][]string{
		"1.1": {"1.0", "1.2", "1.5", "2.1", "0.1"},
		"A1":  {"A0", "A2", "A5"},
		"7":   {"4", "6", "8", "12"},
	} {
		got := nearVersions(base)
		for _, value := range want {
			if !slices.Contains(got, value) {
				t.Errorf("nearVersions(%q) = %q lacks %q", base, got, value)
			}
		}
		if slices.Contains(got, base) {
			t.Errorf("nearVersions(%q) contains the version itself", base)
		}
	}
}

func TestStepReferencesAreShifted(t *testing.T) {
	for text, want := range map[string]string{
		"{seq:3}":            "{seq:5}",
		"{text:12}, {seq:1}": "{text:14}, {seq:3}",
		"{me} {seq}":         "{me} {seq}",
	} {
		if got := shiftReferences(text, 2); got != want {
			t.Errorf("%q moves to %q, want %q", text, got, want)
		}
		if got := shiftReferences(want, -2); got != text {
			t.Errorf("%q moves back to %q, want %q", want, got, text)
		}
	}
}

func TestObservationTimesBracketATimeout(t *testing.T) {
	low, high, truth := 0.0, 0.0, 300.0
	for range 20 {
		at := observationTimes(low, high, 600, 4)
		if len(at) == 0 || high > 0 && high-low <= 2 {
			break
		}
		for _, seconds := range at {
			if seconds < truth {
				low = max(low, seconds)
			} else if high == 0 || seconds < high {
				high = seconds
			}
		}
	}
	if low >= truth || high < truth || high-low > 2 {
		t.Errorf("got %v to %v, want a bracket around %v", low, high, truth)
	}
}
