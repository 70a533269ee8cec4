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
		{"a text that fits is one message", "a\nb", []string{"a\nb"}},
		{"trailing line ends are dropped", "abc\n\n", []string{"abc"}},
		{"a blank text is no message", " \r\n\t", nil},
		{"a long text is cut at the end of the last line that fits", "12345\n678\n9", []string{"12345\n678", "9"}},
		{"a long line is cut at a space", "12345 6789 123", []string{"12345", "6789 123"}},
		{"a long word is cut at the limit", "1234567890abc", []string{"1234567890", "abc"}},
		{"a character is not cut", "企鹅企鹅", []string{"企鹅企", "鹅"}},
		{"a part that is blank is dropped", "1234567\n\n\n" + strings.Repeat(" ", 9) + "\n8", []string{"1234567", "8"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := splitText(test.text, 10); !slices.Equal(got, test.want) {
				t.Errorf("splitText(%q) = %q, want %q", test.text, got, test.want)
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
				t.Errorf("the part %q is invalid: %v", part, err)
			}
		}
		removeBlanks := func(s string) string {
			return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
		}
		if got, want := removeBlanks(strings.Join(parts, "")), removeBlanks(text); got != want {
			t.Errorf("without blanks, the parts are %q, want %q", got, want)
		}
	})
}
