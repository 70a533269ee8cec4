package experiment

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one error in an experiment file.
type Problem struct {
	File    string
	Line    int    // from 1
	Key     string // path of the key, such as commands.Login.does; "" for the whole file
	Message string // what is wrong and what is allowed
}

func (p Problem) String() string {
	if p.Key == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Key, p.Message)
}

// Problems are all errors in a file, ordered by line. Error returns one line for each.
type Problems []Problem

func (ps Problems) Error() string {
	var lines []string
	for _, problem := range ps {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n")
}

// suggestWord says what may be written in place of an unknown word, and names the most
// similar allowed word first.
func suggestWord(word string, allowed []string) string {
	if len(allowed) == 0 {
		return "none is declared"
	}
	alternatives := "allowed: " + strings.Join(allowed, ", ")
	if suggestion := nearestWord(word, allowed); suggestion != "" {
		return "perhaps you mean " + suggestion + "; " + alternatives
	}
	return alternatives
}

// nearestWord returns the allowed word of which word is probably a typing error, or "".
func nearestWord(word string, allowed []string) string {
	nearestCandidate, minimum := "", 1+max(1, len(word)/3)
	for _, candidate := range allowed {
		if distanceFound := editDistance(strings.ToLower(word), strings.ToLower(candidate)); distanceFound < minimum &&
			distanceFound < len(candidate) {
			nearestCandidate, minimum = candidate, distanceFound
		}
	}
	return nearestCandidate
}

// editDistance counts the bytes to insert, delete, replace, or swap with a neighbour to
// turn a into b.
func editDistance(candidate, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(candidate) {
		before, last, row = last, row, slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			substitutionCost := 1
			if candidate[i] == b[j] {
				substitutionCost = 0
			}
			row[j+1] = min(last[j]+substitutionCost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && candidate[i] == b[j-1] && candidate[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
