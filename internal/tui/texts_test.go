package tui

import (
	"regexp"
	"slices"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

var verbs = regexp.MustCompile(`%[a-z]`)

func TestEveryTextIsTranslatedAndFits(t *testing.T) {
	for translation := textNothing + 1; translation < textCount; translation++ {
		p := localizedTexts[translation]
		for language := range languageCount {
			text := p.texts[language]
			if text == "" {
				t.Errorf("text %d (%q) is missing in language %d", translation, p.texts[english], language)
			}
			if got, want := verbs.FindAllString(text, -1),
				verbs.FindAllString(p.texts[english], -1); !slices.Equal(got, want) {
				t.Errorf("%q is to be filled with %q, %q with %q", text, got, p.texts[english], want)
			}
			if padding := ansi.StringWidth(verbs.ReplaceAllString(text, "")); p.maxWidth > 0 && padding > p.maxWidth {
				t.Errorf("%q has %d cells, there are %d", text, padding, p.maxWidth)
			}
			if sanitize(text) != text {
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
		if got := LanguageFromEnv(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %s, want %s", c.env, got, c.want)
		}
	}
}
