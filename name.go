package rookery

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckName returns an error with CodeParameter if name is not a valid name for an
// account or a device. The error text begins with what.
//
// Others recognise an account by its name. A name therefore has at least one visible
// character, no spaces at its ends, no hidden characters, and none that reorder the
// text on screen. Invisible characters are allowed only where a script or an emoji
// needs them: joiners between visible characters, variation selectors, and the tags in
// flags of regions.
func CheckName(what, name string) error {
	if !utf8.ValidString(name) {
		return Errorf(CodeParameter, "%s is not valid UTF-8", what)
	}
	hasVisible := false
	before := blank // the kind of the previous character
	for rest := name; rest != ""; {
		if n := FlagLen(rest); n > 0 {
			hasVisible, before, rest = true, visible, rest[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		kind := characterKindOf(r)
		if fault := misplacedCharacter(kind, before, rest); fault != "" {
			return Errorf(CodeParameter, "%s holds U+%04X, %s: leave it out", what, r, fault)
		}
		hasVisible = hasVisible || kind == visible
		before = kind
	}
	if !hasVisible {
		return Errorf(CodeParameter, "%s is empty, or has nothing that can be seen", what)
	}
	if strings.TrimSpace(name) != name {
		return Errorf(CodeParameter, "%s begins or ends in a space, which cannot be seen: leave it out", what)
	}
	return nil
}

// misplacedCharacter says why a character of this kind is not allowed between the
// previous character and rest. It returns "" if the character is allowed.
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
		// In Malayalam and Bengali, a joiner after a vowel-suppressing mark can end
		// a word.
		between := before != blank && before != joiner && (after == visible || after == mark)
		if !between && !(before == mark && after == blank) {
			return "which joins characters, and there is none on both its sides"
		}
	}
	return ""
}

// characterKind classifies characters for the rules of names.
type characterKind int

const (
	blank     characterKind = iota // a space, or no character at all
	visible                        // drawn by itself
	mark                           // drawn on the previous character
	joiner                         // joins two characters, or keeps them apart
	selector                       // chooses how the previous character is drawn
	control                        // a control character or line separator
	bidi                           // changes the direction of writing
	invisible                      // not drawn
)

const (
	joiners = "\u200c\u200d\u180e" // ZWNJ, ZWJ; Mongolian's vowel separator
	// blanks are invisible although Unicode counts them as letters, symbols or
	// marks: the blank Braille pattern, the object replacement character, the null
	// notehead, the Khitan filler, and blank hieroglyphs. Hangul's fillers are
	// Default_Ignorable_Code_Point already.
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
	return visible // includes private use and unassigned: rare Chinese characters, new emoji
}

// IsInvisible reports whether r is not drawn although it is neither a space nor a
// control character. CheckName allows some of these between other characters. The
// set is Unicode's Default_Ignorable_Code_Point. Package unicode has a table for only a
// part of that property; the rest are format characters and variation selectors.
func IsInvisible(r rune) bool {
	switch {
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // visible format characters: Arabic number signs
		return false
	case r >= 0x13430 && r <= 0x1343f: // layout controls of hieroglyphs
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
		unicode.Noncharacter_Code_Point) || strings.ContainsRune(blanks, r)
}

// regionFlag matches the flag emoji of a region: a black flag, tag characters that name
// the region, and the cancel tag.
var regionFlag = regexp.MustCompile("^\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")

// FlagLen returns the length in bytes of the region's flag, such as England's, that
// text begins with. It returns 0 if text begins with something else.
func FlagLen(text string) int {
	if !strings.HasPrefix(text, "\U0001f3f4") {
		return 0
	}
	return len(regionFlag.FindString(text))
}
