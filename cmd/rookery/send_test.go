package main

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rookery-im/rookery"
)

func TestSplitText(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"what fits is one message", "a\nb", []string{"a\nb"}},
		{"line ends at the end are not sent", "abc\n\n", []string{"abc"}},
		{"nothing is nothing", " \r\n\t", nil},
		{"a long text is cut at the end of the last line that fits", "12345\n678\n9", []string{"12345\n678", "9"}},
		{"a long line is cut at a space", "12345 6789 123", []string{"12345", "6789 123"}},
		{"a long word is cut where it must be", "1234567890abc", []string{"1234567890", "abc"}},
		{"a character is not cut", "企鹅企鹅", []string{"企鹅企", "鹅"}},
		{"a message of blanks is left out", "1234567\n\n\n" + strings.Repeat(" ", 9) + "\n8", []string{"1234567", "8"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := splitText(test.text, 10); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func FuzzSplitTextLosesNothing(f *testing.F) {
	f.Add("a b\nc\n")
	f.Add(strings.Repeat("鹅 \n", 3000))
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		parts := splitText(text, rookery.MaxText)
		for _, part := range parts {
			if err := rookery.CheckText(part); err != nil {
				t.Errorf("%q: %v", part, err)
			}
		}
		blank := func(s string) string {
			return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
		}
		if got := blank(strings.Join(parts, "")); got != blank(text) {
			t.Errorf("%q has become %q", text, got)
		}
	})
}
