package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A piece is a part of a message; Differs marks what the other message has
// otherwise.
type textPiece struct {
	Text    string
	Differs bool
}

// maxCompared bounds the table that two messages' middles are compared in; above
// it, all of both middles is marked.
const maxCompared = 1 << 20

// compare cuts two messages into pieces and marks where they differ.
func compare(a, b string) (left, right []textPiece) {
	if a == b {
		return whole(a), whole(b)
	}
	at, bt := words(a), words(b)
	start := 0
	for start < len(at) && start < len(bt) && at[start] == bt[start] {
		start++
	}
	end := 0
	for end < len(at)-start && end < len(bt)-start && at[len(at)-1-end] == bt[len(bt)-1-end] {
		end++
	}
	am, bm := at[start:len(at)-end], bt[start:len(bt)-end]
	sameA, sameB := make([]bool, len(am)), make([]bool, len(bm))
	if len(am)*len(bm) <= maxCompared {
		common(am, bm, sameA, sameB)
	}
	return pieces(at, start, sameA), pieces(bt, start, sameB)
}

func whole(s string) []textPiece {
	if s == "" {
		return nil
	}
	return []textPiece{{Text: s}}
}

// words cuts a message where any syntax may have its seams: runs of letters and
// digits, and each other character by itself.
func words(s string) []string {
	var out []string
	for s != "" {
		n := strings.IndexFunc(s, func(r rune) bool { return !inWord(r) })
		switch {
		case n < 0:
			n = len(s)
		case n == 0:
			_, n = utf8.DecodeRuneInString(s)
		}
		out = append(out, s[:n])
		s = s[n:]
	}
	return out
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.' || r == '\\'
}

// common marks a longest common subsequence in both.
func common(a, b []string, sameA, sameB []bool) {
	width := len(b) + 1
	best := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			at := i*width + j
			if a[i] == b[j] {
				best[at] = best[at+width+1] + 1
			} else {
				best[at] = max(best[at+width], best[at+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch at := i*width + j; {
		case a[i] == b[j]:
			sameA[i], sameB[j] = true, true
			i, j = i+1, j+1
		case best[at+width] >= best[at+1]:
			i++
		default:
			j++
		}
	}
}

// pieces joins neighbours of one kind. A seam between two words that differ is
// marked with them, for the eye's sake.
func pieces(all []string, start int, same []bool) []textPiece {
	differs := make([]bool, len(all))
	for i := range same {
		differs[start+i] = !same[i]
	}
	for i := start + 1; i < start+len(same)-1; i++ {
		r, _ := utf8.DecodeRuneInString(all[i])
		if differs[i-1] && differs[i+1] && !inWord(r) {
			differs[i] = true
		}
	}
	var out []textPiece
	for i, word := range all {
		if n := len(out); n > 0 && out[n-1].Differs == differs[i] {
			out[n-1].Text += word
		} else {
			out = append(out, textPiece{word, differs[i]})
		}
	}
	return out
}
