package experiment

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPlaceholdersAreReplaced(t *testing.T) {
	lookup := func(name string) (string, bool) {
		text, ok := map[string]string{"me": "10001", "seq:2": "{me}", "": "empty"}[name]
		return text, ok
	}
	for value, want := range map[string]string{
		"":             "",
		"plain":        "plain",
		"{me}":         "10001",
		"x{me}y{me}":   "x10001y10001",
		"{seq:2}":      "{me}", // what is put in is no template
		"{{me}":        "{me}",
		"{{{me}":       "{10001",
		"}":            "}",
		"{{{{":         "{{",
		"\xff{me}\x00": "\xff10001\x00",
	} {
		got, err := ExpandTemplate(value, lookup)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{"{", "{me", "{you}", "a{{{"} {
		if got, err := ExpandTemplate(value, lookup); err == nil {
			t.Errorf("%q: got %q, want an error", value, got)
		}
	}
}

func TestPlaceholdersAreListedInTheirOrder(t *testing.T) {
	got, err := Placeholders("{b}{{c}{a}{b}")
	if want := []string{"b", "a", "b"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestALiteralExpandsToItself(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		text := randomText(random)
		if got, err := ExpandTemplate(EscapeTemplate(text), nil); err != nil || got != text {
			t.Fatalf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestProofsMatchKnownHashes(t *testing.T) {
	for name, want := range map[string]string{
		"secret":            "123456",
		"md5(secret)":       "e10adc3949ba59abbe56e057f20f883e",
		"MD5(secret)":       "E10ADC3949BA59ABBE56E057F20F883E",
		"sha1(secret)":      "7c4a8d09ca3762af61e59520943dc26494f8941b",
		"last(secret)":      "123450",
		"first(secret)":     "023456",
		"middle(secret)":    "123056",
		"cut(secret)":       "12345",
		"last(md5(secret))": "e10adc3949ba59abbe56e057f20f8830",
		"sha256(secret)":    "8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92",
	} {
		if got, ok := ComputeProof(name, "123456"); !ok || got != want {
			t.Errorf("%s: got %q, %v", name, got, ok)
		}
	}
	for _, name := range []string{"me", "md5(me)", "md5(secret", "Md5(secret)", "odd(secret)"} {
		if _, ok := ComputeProof(name, "123456"); ok {
			t.Errorf("{%s} is no proof", name)
		}
	}
}
