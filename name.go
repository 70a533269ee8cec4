package rookery

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckName reports with CodeParameter what keeps a text from being a name that
// a user gives: an account's, a device's. what names it in the reason.
//
// A name is what others recognise somebody by, so it has a visible character, no
// space at its ends, and nothing in it is hidden or shows it in another order than it is stored.
// Characters that are invisible by themselves are allowed where a script or an
// emoji is written with them: joiners between visible characters, variation
// selectors, the tags in the flags of regions.
func CheckName(what, name string) error {
	if !utf8.ValidString(name) {
		return Errorf(CodeParameter, "%s is not valid UTF-8", what)
	}
	seen := false   // a visible character has come
	before := blank // the kind of the character before
	for rest := name; rest != ""; {
		if n := FlagLen(rest); n > 0 {
			seen, before, rest = true, visible, rest[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		kind := characterKindOf(r)
		if fault := misplacedCharacter(kind, before, rest); fault != "" {
			return Errorf(CodeParameter, "%s holds U+%04X, %s: leave it out", what, r, fault)
		}
		seen = seen || kind == visible
		before = kind
	}
	if !seen {
		return Errorf(CodeParameter, "%s is empty, or has nothing that can be seen", what)
	}
	if strings.TrimSpace(name) != name {
		return Errorf(CodeParameter, "%s begins or ends in a space, which cannot be seen: leave it out", what)
	}
	return nil
}

// misplacedCharacter is why a character of a kind cannot stand between the one before and
// the rest; empty if it can.
func misplacedCharacter(kind, before characterKind, rest string) string {
	switch kind {
	case control:
		return "a control character"
	case bidi:
		return "which turns the direction of writing around"
	case invisible:
		return "which cannot be seen"
	case mark, selector:
		if before == blank || kind == selector && before == selector {
			return "which needs a character before it that it changes"
		}
	case joiner:
		next, _ := utf8.DecodeRuneInString(rest)
		after := characterKindOf(next)
		if rest == "" {
			after = blank
		}
		// Behind a mark that takes a vowel away a joiner may end a word, in
		// Malayalam and Bengali.
		between := before != blank && before != joiner && (after == visible || after == mark)
		if !between && !(before == mark && after == blank) {
			return "which joins characters, and there is none on both its sides"
		}
	}
	return ""
}

// characterKind is what a character does in a name.
type characterKind int

const (
	blank     characterKind = iota // a space, or no character at all
	visible                        // drawn by itself
	mark                           // drawn on the character before
	joiner                         // joins two characters, or keeps them apart
	selector                       // chooses how the character before is drawn
	control                        // controls a device
	bidi                           // turns the direction of writing around
	invisible                      // not drawn
)

const (
	joiners = "\u200c\u200d\u180e" // ZWNJ, ZWJ; Mongolian's vowel separator
	// blanks are characters that count as letters, symbols or marks and are drawn
	// as nothing: the blank pattern of Braille, the stand-in for an object, the
	// null notehead, a filler of Khitan and blanks of hieroglyphs. Those of Hangul
	// are default ignorable.
	blanks = "\u2800\ufffc\U0001d159\U00016fe4\U00013441\U00013442"
)

func characterKindOf(r rune) characterKind {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return control
	case unicode.Is(unicode.Bidi_Control, r):
		return bidi
	case strings.ContainsRune(joiners, r):
		return joiner
	case unicode.Is(unicode.Variation_Selector, r):
		return selector
	case IsInvisible(r):
		return invisible
	case unicode.IsSpace(r):
		return blank
	case unicode.IsMark(r):
		return mark
	}
	return visible // of private use or not assigned yet as well: rare Chinese characters, new emoji
}

// IsInvisible reports whether a character is drawn as nothing, though it is
// neither a space nor a control character. Some of them have a use between
// others, see CheckName. The Unicode property behind it is
// Default_Ignorable_Code_Point, of which only a part has a table in package
// unicode: the rest are format characters and variation selectors.
func IsInvisible(r rune) bool {
	switch {
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // format characters that are drawn: Arabic's for numbers
		return false
	case r >= 0x13430 && r <= 0x1343f: // those that place hieroglyphs
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
		unicode.Noncharacter_Code_Point) || strings.ContainsRune(blanks, r)
}

// regionFlag is a black flag, tags that name a region, and their end.
var regionFlag = regexp.MustCompile("^\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")

// FlagLen is the length in bytes of the flag that a text begins with, if it is
// that of a region such as England: an emoji with invisible tags. Else it is 0.
func FlagLen(text string) int {
	if !strings.HasPrefix(text, "\U0001f3f4") {
		return 0
	}
	return len(regionFlag.FindString(text))
}
