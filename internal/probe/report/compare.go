package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textPiece is a part of a message. Differs marks text that is not in the other message.
type textPiece struct {
	Text    string
	Differs bool
}

// maxCompared bounds the size of the comparison table. Above it, everything between the
// common prefix and suffix is marked.
const maxCompared = 1 << 20

// markDifferences splits two messages into pieces and marks where they differ.
func markDifferences(leftText, rightText string) (left, right []textPiece) {
	if leftText == rightText {
		return unmarkedPieces(leftText), unmarkedPieces(rightText)
	}
	leftWords, rightWords := splitWords(leftText), splitWords(rightText)
	prefixLength := 0
	for prefixLength < len(leftWords) && prefixLength < len(rightWords) &&
		leftWords[prefixLength] == rightWords[prefixLength] {
		prefixLength++
	}
	end := 0
	for end < len(leftWords)-prefixLength && end < len(rightWords)-prefixLength &&
		leftWords[len(leftWords)-1-end] == rightWords[len(rightWords)-1-end] {
		end++
	}
	leftMiddle, rightMiddle := leftWords[prefixLength:len(leftWords)-end], rightWords[prefixLength:len(rightWords)-end]
	sameA, sameB := make([]bool, len(leftMiddle)), make([]bool, len(rightMiddle))
	if len(leftMiddle)*len(rightMiddle) <= maxCompared {
		markCommonWords(leftMiddle, rightMiddle, sameA, sameB)
	}
	return joinPieces(leftWords, prefixLength, sameA), joinPieces(rightWords, prefixLength, sameB)
}

func unmarkedPieces(text string) []textPiece {
	if text == "" {
		return nil
	}
	return []textPiece{{Text: text}}
}

// splitWords splits a message into words and single other characters, which works for any
// record syntax.
func splitWords(text string) []string {
	var names []string
	for text != "" {
		count := strings.IndexFunc(text, func(character rune) bool { return !isWordRune(character) })
		switch {
		case count < 0:
			count = len(text)
		case count == 0:
			_, count = utf8.DecodeRuneInString(text)
		}
		names = append(names, text[:count])
		text = text[count:]
	}
	return names
}

func isWordRune(character rune) bool {
	return unicode.IsLetter(character) || unicode.IsDigit(character) || character == '-' || character == '_' ||
		character == '.' || character == '\\'
}

// markCommonWords marks a longest common subsequence in both lists.
func markCommonWords(a, b []string, sameA, sameB []bool) {
	width := len(b) + 1
	best := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			index := i*width + j
			if a[i] == b[j] {
				best[index] = best[index+width+1] + 1
			} else {
				best[index] = max(best[index+width], best[index+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch index := i*width + j; {
		case a[i] == b[j]:
			sameA[i], sameB[j] = true, true
			i, j = i+1, j+1
		case best[index+width] >= best[index+1]:
			i++
		default:
			j++
		}
	}
}

// joinPieces joins adjacent words with the same mark. It also marks a separator between
// two words that differ, for readability.
func joinPieces(all []string, prefixLength int, same []bool) []textPiece {
	differs := make([]bool, len(all))
	for i := range same {
		differs[prefixLength+i] = !same[i]
	}
	for i := prefixLength + 1; i < prefixLength+len(same)-1; i++ {
		character, _ := utf8.DecodeRuneInString(all[i])
		if differs[i-1] && differs[i+1] && !isWordRune(character) {
			differs[i] = true
		}
	}
	var joined []textPiece
	for i, word := range all {
		if count := len(joined); count > 0 && joined[count-1].Differs == differs[i] {
			joined[count-1].Text += word
		} else {
			joined = append(joined, textPiece{word, differs[i]})
		}
	}
	return joined
}
