package rookery

import (
	"fmt"
	"strings"
	"testing"
)

func TestCheckNameAcceptsManyScripts(t *testing.T) {
	const englandTags = "\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
	for description, name := range map[string]string{
		"a letter":                             "x",
		"punctuation":                          "...",
		"spaces between words":                 "Tom & Jerry, Jr.",
		"an ideographic space":                 "张　伟",
		"Chinese":                              "小企鹅",
		"a rare character beyond the BMP":      "𠮷野家",
		"one that Unicode 17 has added":        "\U000323b0",
		"one of private use, as in GBK fonts":  "\ue863",
		"a variant of a character":             "葛\U000e0100城",
		"a variant in GB18030's compatibility": "\u9038\ufe00",
		"Japanese":                             "さくら・モモ",
		"Korean":                               "김철수",
		"Korean in conjoining letters":         "\u1100\u1161\u11a8",
		"Persian":                              "علی\u200cرضا",
		"Persian, a plural":                    "کتاب\u200cها",
		"Arabic with vowels":                   "مُحَمَّد",
		"Arabic with a number sign":            "\u0600\u0661",
		"Urdu":                                 "نستعلیق",
		"Hebrew with vowels":                   "שָׁלוֹם",
		"Hindi":                                "कृष्ण",
		"Hindi with a joiner":                  "क्\u200dष",
		"Marathi, an eyelash ra":               "र्\u200dय",
		"Bengali, a joiner before a mark":      "র\u200d্যাব",
		"Bengali, a joiner at the end":         "হঠাত্\u200d",
		"Malayalam, a joiner at the end":       "അവന്\u200d",
		"Sinhala":                              "ශ්\u200dරී",
		"Tamil":                                "தமிழ்",
		"Kannada":                              "ರ\u200d್ಕ",
		"Thai":                                 "สมชาย ที่รัก",
		"Khmer":                                "ខ្មែរ",
		"Burmese":                              "မြန်မာ",
		"Tibetan":                              "བོད་",
		"Mongolian with its vowel separator":   "ᠬᠠᠷ\u180eᠠ",
		"Mongolian with a variation selector":  "ᠭ᠋ᠠ",
		"Vietnamese, decomposed":               "Nguye\u0302\u0303n",
		"Ethiopic":                             "አበበ",
		"Cherokee":                             "ᏣᎳᎩ",
		"Braille":                              "⠗⠕⠕⠅",
		"a hieroglyph and how it is placed":    "𓀀\U00013430𓀁",
		"an emoji":                             "🐧",
		"a heart, drawn as an emoji":           "❤️",
		"a keycap":                             "1️⃣",
		"a family":                             "👨\u200d👩\u200d👧\u200d👦",
		"an astronaut with a skin":             "👩🏽\u200d🚀",
		"the rainbow's flag":                   "🏳️\u200d🌈",
		"the pirates' flag":                    "🏴\u200d☠️",
		"the flag of China":                    "🇨🇳",
		"the flag of England":                  "🏴" + englandTags,
		"the flag of England, and a word":      "Nessie 🏴" + englandTags + " x",
		"a mark behind an emoji's selector":    "#️⃣ x",
	} {
		if err := CheckName("nick", name); err != nil {
			t.Errorf("CheckName of %s, %+q, returned error %v, want none", description, name, err)
		}
	}
}

func TestCheckNameRefusesInvisibleCharacters(t *testing.T) {
	for name, reason := range map[string]string{
		"":             "nick is empty, or has nothing that can be seen",
		" ":            "nick is empty, or has nothing that can be seen",
		"\u3000\u00a0": "nick is empty, or has nothing that can be seen",
		"\xff":         "nick is not valid UTF-8",
		" Ann":         "nick begins or ends in a space, which cannot be seen: leave it out",
		"Ann\u00a0":    "nick begins or ends in a space",
		"Ann\u3000":    "nick begins or ends in a space",

		"a\u202eb":  "nick holds U+202E, which turns the direction of writing around: leave it out",
		"a\u200f":   "U+200F, which turns the direction of writing around",
		"\u2066a":   "U+2066, which turns",
		"a\u061cb":  "U+061C, which turns",
		"a\x1b[2J":  "U+001B, a control character",
		"a\u009b2J": "U+009B, a control character",
		"a\nb":      "U+000A, a control character",
		"a\tb":      "U+0009, a control character",
		"a\u2028b":  "U+2028, a control character",

		"\u0301":     "U+0301, which needs a character before it that it changes",
		"a \u0301":   "U+0301, which needs a character before it",
		"\u20e3":     "U+20E3, which needs a character before it",
		"\u093e":     "U+093E, which needs a character before it",
		"\ufe0f":     "U+FE0F, which needs a character before it",
		"\U000e0100": "U+E0100, which needs a character before it",

		"a\ufe0f\ufe0f": "U+FE0F, which needs a character before it",

		"\u200d":         "U+200D, which joins characters, and there is none on both its sides",
		"\u200c\u200d":   "U+200C, which joins characters",
		"a\u200d":        "U+200D, which joins characters",
		"\u200ca":        "U+200C, which joins characters",
		"a \u200cb":      "U+200C, which joins characters",
		"a\u200c b":      "U+200C, which joins characters",
		"a\u200c\u200cb": "U+200C, which joins characters",
		"👩\u200d\ufe0f":  "U+200D, which joins characters",

		"🏴\U000e0067\U000e0062":                     "U+E0067, which cannot be seen", // no end
		"x\U000e0067\U000e0062\U000e0065\U000e007f": "U+E0067, which cannot be seen", // no flag
		// too long
		"🏴" + strings.Repeat("\U000e0067", 7) + "\U000e007f": "U+E0067, which cannot be seen",
	} {
		err := CheckName("nick", name)
		if CodeOf(err) != CodeParameter || !strings.Contains(err.Error(), reason) {
			t.Errorf("CheckName(%+q) returned error %v, want %s", name, err, reason)
		}
	}
}

// Each character is tried alone and between letters.
func TestCheckNameRefusesEachInvisibleCharacter(t *testing.T) {
	for _, r := range []rune{
		0xad, 0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x200b, 0x2060, 0x2061, 0x2064, 0x206a, 0x206f,
		0x2065, 0x2800, 0x3164,
		0xfeff, 0xffa0, 0xfff0, 0xfff9, 0xfffb, 0xfffc, 0xfffe, 0xfdd0,
		0x13441, 0x13442, 0x16fe4, 0x1bca0, 0x1d159, 0x1d173, 0x1d17a,
		0xe0001, 0xe0020, 0xe0021, 0xe0041, 0xe007f, 0xe0080, 0xe0fff, 0x10ffff,
	} {
		if !IsInvisible(r) {
			t.Errorf("U+%04X counts as visible", r)
		}
		for _, name := range []string{string(r), "a" + string(r) + "b"} {
			err, want := CheckName("nick", name), fmt.Sprintf("U+%04X, which cannot be seen", r)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("CheckName(%+q) returned error %v, want %s", name, err, want)
			}
		}
	}
}

func TestCheckNamesAcceptsUnchangedNames(t *testing.T) {
	const old = "\u200b"
	before := Profile{Nick: old, RealName: "\u202e"}
	now := before
	now.Age = 9
	if err := now.CheckNames(&before); err != nil {
		t.Errorf("CheckNames of unchanged names returned error %v, want none", err)
	}
	if err := now.CheckNames(nil); CodeOf(err) != CodeParameter {
		t.Errorf("CheckNames of a new profile returned error %v, want CodeParameter", err)
	}
	now.Nick = "\u200c"
	if err := now.CheckNames(&before); CodeOf(err) != CodeParameter || !strings.HasPrefix(err.Error(), "nick ") {
		t.Errorf("CheckNames of another invalid nick returned error %v, want CodeParameter", err)
	}
	now.Nick, now.RealName = "Pingu", "\u2060"
	if err := now.CheckNames(&before); CodeOf(err) != CodeParameter || !strings.HasPrefix(err.Error(), "real name ") {
		t.Errorf("CheckNames of another invalid real name returned error %v, want CodeParameter", err)
	}
	now.RealName = ""
	if err := now.CheckNames(&before); err != nil {
		t.Errorf("CheckNames of an empty real name returned error %v, want none", err)
	}
}

func FuzzNamesAreSafe(f *testing.F) {
	for _, name := range []string{
		"علی\u200cرضا", "👩🏽\u200d🚀", "a\u202eb", "\u200b",
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName("nick", name) != nil {
			return
		}
		seen := false
		for _, r := range name {
			kind := characterKindOf(r)
			seen = seen || kind == visible
			if kind == control || kind == bidi {
				t.Errorf("%+q contains U+%04X, want no control character", name, r)
			}
		}
		if !seen {
			t.Errorf("%+q has no visible character, want one", name)
		}
	})
}
