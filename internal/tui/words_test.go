package tui

import (
	"regexp"
	"slices"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

var verbs = regexp.MustCompile(`%[a-z]`)

func TestEveryTextIsThereInEveryLanguageAndHasRoom(t *testing.T) {
	for translation := wNothing + 1; translation < words; translation++ {
		p := table[translation]
		for l := range languages {
			text := p.in[l]
			if text == "" {
				t.Errorf("text %d (%q) is missing in language %d", translation, p.in[english], l)
			}
			if got, want := verbs.FindAllString(text, -1), verbs.FindAllString(p.in[english], -1); !slices.Equal(got, want) {
				t.Errorf("%q is to be filled with %q, %q with %q", text, got, p.in[english], want)
			}
			if room := ansi.StringWidth(verbs.ReplaceAllString(text, "")); p.width > 0 && room > p.width {
				t.Errorf("%q has %d cells, there are %d", text, room, p.width)
			}
			if clean(text) != text {
				t.Errorf("%q controls the terminal", text)
			}
		}
	}
}

func TestTheEnvironmentChoosesTheLanguage(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want Language
	}{
		{nil, English},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, Chinese},
		{map[string]string{"LANG": "zh_TW.UTF-8", "LC_ALL": "C.UTF-8"}, English},
		{map[string]string{"LANG": "en_GB.UTF-8", "LC_MESSAGES": "zh_CN"}, Chinese},
		{map[string]string{"LANG": "de_DE.UTF-8"}, English},
	} {
		if got := LanguageOf(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %s, want %s", c.env, got, c.want)
		}
	}
}
