package learn

import "slices"

// askSuite asks the HSI suite: behind each state each word of up to Extra+1
// inputs, and behind that what identifies the state that should follow.
func (l *learner) askSuite() (holds bool, err error) {
	if !l.config.HSI || l.suite {
		return true, nil
	}
	for length := 1; length <= l.config.Extra+1; length++ {
		for q := range l.hypothesis.edges {
			holds, err := l.askBehind(q, l.hypothesis.access[q], length)
			if !holds || err != nil {
				return false, err
			}
		}
	}
	l.suite = true
	return true, nil
}

// askBehind asks all words of the length behind a word that leads to state q,
// save for those that lead through an edge that is not certain.
func (l *learner) askBehind(q int, word []int, length int) (holds bool, err error) {
	if length > 0 {
		for in, e := range l.hypothesis.edges[q] {
			if !e.certain() {
				continue
			}
			if holds, err := l.askBehind(e.to, append(slices.Clip(word), in), length-1); !holds || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	if len(l.suffixes[q]) == 0 {
		return l.agrees(word)
	}
	for _, s := range l.suffixes[q] {
		if holds, err := l.agrees(slices.Concat(word, s)); !holds || err != nil {
			return false, err
		}
	}
	return true, nil
}

// identifiers returns for each state words that tell it from all others. They
// are harmonised: two states have a common beginning of their words that tells
// them apart.
func (h *hypothesis) identifiers() [][][]int {
	n := len(h.edges)
	apart := h.separations()
	weight := h.targets()
	together := make([][]bool, n) // pairs that no chosen word separates yet
	for p := range together {
		together[p] = make([]bool, n)
		for q := range together[p] {
			together[p][q] = p != q && apart[p][q] != nil
		}
	}
	sets := make([][][]int, n)
	for {
		word := h.bestWord(apart, together, weight)
		if word == nil {
			return sets
		}
		for p := range n {
			longest := 0
			for q := range n {
				if together[p][q] {
					if at := h.differ(p, q, word); at > 0 {
						longest = max(longest, at)
						together[p][q] = false
					}
				}
			}
			if longest > 0 {
				sets[p] = append(sets[p], word[:longest])
			}
		}
	}
}

// targets counts the transitions that lead to each state, and one more.
func (h *hypothesis) targets() []int {
	count := make([]int, len(h.edges))
	for q, row := range h.edges {
		count[q]++
		for _, e := range row {
			if e.certain() {
				count[e.to]++
			}
		}
	}
	return count
}

// bestWord puts together words that separate two states until nothing more can
// be separated, beginning with each pair in turn, and returns the word that
// separates most of those that are together.
func (h *hypothesis) bestWord(apart [][][]int, together [][]bool, weight []int) []int {
	var best []int
	bestWorth := 0.0
	for p := range together {
		for q := range p {
			if !together[p][q] {
				continue
			}
			word, worth := h.longWord(apart[p][q], apart, together, weight)
			if worth > bestWorth {
				best, bestWorth = word, worth
			}
		}
	}
	return best
}

// longWord appends to a word what separates states that it leaves together. Its
// worth is the number of pairs that it separates, by how often their states
// must be told, less a little for its length.
func (h *hypothesis) longWord(word []int, apart [][][]int, together [][]bool, weight []int) ([]int, float64) {
	word = slices.Clone(word)
	for {
		var more []int
		worth := 0
		for p := range together {
			for q := range p {
				if !together[p][q] {
					continue
				}
				if h.differ(p, q, word) > 0 {
					worth += weight[p] + weight[q]
					continue
				}
				p2, okP := h.from(p, word)
				q2, okQ := h.from(q, word)
				if okP && okQ && p2 != q2 && apart[p2][q2] != nil && (more == nil || len(apart[p2][q2]) < len(more)) {
					more = apart[p2][q2]
				}
			}
		}
		if more == nil {
			return word, float64(worth) - 0.01*float64(len(word))
		}
		word = append(word, more...)
	}
}

// from returns the state after a word from state q.
func (h *hypothesis) from(q int, word []int) (int, bool) {
	for _, in := range word {
		e := h.edges[q][in]
		if !e.certain() {
			return 0, false
		}
		q = e.to
	}
	return q, true
}

// differ returns how much of a word it takes to separate two states, 0 if it
// does not.
func (h *hypothesis) differ(p, q int, word []int) int {
	for i, in := range word {
		e, f := h.edges[p][in], h.edges[q][in]
		if e.wild || f.wild || e.to == Unknown || f.to == Unknown {
			return 0
		}
		if e.out != f.out {
			return i + 1
		}
		if e.guess || f.guess {
			return 0
		}
		p, q = e.to, f.to
	}
	return 0
}

// separations returns a shortest word for each pair of states that separates
// them, nil where there is none.
func (h *hypothesis) separations() [][][]int {
	n := len(h.edges)
	words := make([][][]int, n)
	for p := range words {
		words[p] = make([][]int, n)
	}
	for changed, length := true, 1; changed; length++ {
		changed = false
		for p := range n {
			for q := range p {
				if words[p][q] != nil {
					continue
				}
				if w := h.separation(p, q, length, words); w != nil {
					words[p][q], words[q][p] = w, w
					changed = true
				}
			}
		}
	}
	return words
}

// separation returns a word of the length, made of an input and a word that is
// known to separate the states that follow.
func (h *hypothesis) separation(p, q, length int, words [][][]int) []int {
	for in := range h.inputs {
		e, f := h.edges[p][in], h.edges[q][in]
		if e.wild || f.wild || e.to == Unknown || f.to == Unknown {
			continue
		}
		if e.out != f.out {
			return []int{in}
		}
		if e.guess || f.guess || e.to == f.to {
			continue
		}
		if w := words[e.to][f.to]; len(w) == length-1 && w != nil {
			return slices.Concat([]int{in}, w)
		}
	}
	return nil
}
