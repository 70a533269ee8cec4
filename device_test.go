package rookery

import (
	"strings"
	"testing"
)

func TestCheckDeviceName(t *testing.T) {
	for name, ok := range map[string]bool{
		"phone":                      true,
		"Tom's 手机":                   true,
		strings.Repeat("x", 64):      true,
		strings.Repeat("手", 21):      true,
		"":                           false,
		strings.Repeat("x", 65):      false,
		strings.Repeat("手", 22):      false,
		"two\nlines":                 false,
		"tab\tstop":                  false,
		"\x7f":                       false,
		"\u0085":                     false,
		"half a character: \xe6\x89": false,
	} {
		err := CheckDeviceName(name)
		if ok != (err == nil) || !ok && CodeOf(err) != CodeParameter {
			t.Errorf("CheckDeviceName(%q) returned error %v, want success %v", name, err, ok)
		}
	}
}

func TestParseToken(t *testing.T) {
	token := NewToken([TokenBytes]byte{31: 1})
	for text, ok := range map[string]bool{
		string(token):                              true,
		"rk_" + strings.Repeat("-", 43):            true,
		"rk_" + strings.Repeat("Az_9-", 8) + "abc": true,
		"":                                    false,
		"null":                                false,
		string(token[:45]):                    false,
		string(token) + "A":                   false,
		"RK_" + strings.Repeat("A", 43):       false,
		"rk_" + strings.Repeat("+", 43):       false,
		"rk_" + strings.Repeat("é", 21) + "a": false,
	} {
		got, isToken := ParseToken(text)
		if isToken != ok || isToken && string(got) != text {
			t.Errorf("ParseToken(%q) returned %q, %v, want %v", text, got, isToken, ok)
		}
	}
}

func TestTokenHashesAreDistinct(t *testing.T) {
	seen := map[TokenHash]bool{}
	for i := range TokenBytes {
		var random [TokenBytes]byte
		random[i] = 1
		token := NewToken(random)
		if seen[token.Hash()] || token.Hash() == (TokenHash{}) {
			t.Errorf("token %d shares its hash", i)
		}
		seen[token.Hash()] = true
	}
}
