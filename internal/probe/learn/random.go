package learn

import "slices"

// askRandom goes on until enough random tests in a row have found nothing. A
// test that was made before is drawn again; if that happens all the time there
// is not much left to test, and it counts.
func (l *learner) askRandom() (holds bool, err error) {
	const mostDraws = 20
	for l.tests < l.config.Tests {
		word := l.randomTest()
		for draws := 1; draws < mostDraws && l.root.find(word) != nil; draws++ {
			word = l.randomTest()
		}
		if holds, err := l.agrees(word); !holds || err != nil {
			return false, err
		}
		l.coverage.walk(word)
		l.tests++
	}
	return true, nil
}

// randomTest goes to a state, does something random there, and then something
// that tells the state in which it should be now. There are three kinds, in turn:
// two inputs, which is what the tree has not looked at; a walk; and the same
// again and again, which finds what counts.
func (l *learner) randomTest() []int {
	switch l.tests % 4 {
	case 0, 2:
		if word := l.nextShort(); word != nil {
			return word
		}
		fallthrough
	case 1:
		return l.walk()
	default:
		return l.repetition()
	}
}

// walk goes where not much was tried yet, three inputs at least: two are what the
// short tests do.
func (l *learner) walk() []int {
	q := l.rand.IntN(len(l.hypothesis.edges))
	word := slices.Clone(l.hypothesis.access[q])
	t := l.hypothesis.start().along(word)
	for length := 0; length < 3 || l.rand.IntN(6) > 0; length++ {
		in := l.coverage.draw(t, l.rand)
		if in < 0 {
			break
		}
		word, t = append(word, in), t.step(in)
	}
	return l.withSuffix(word, t.at)
}

// withSuffix appends to a word that leads to a state what tells that state.
func (l *learner) withSuffix(word []int, q int) []int {
	if s := l.suffixes[q]; len(s) > 0 {
		word = append(word, s[l.rand.IntN(len(s))]...)
	}
	return word
}

// repetition repeats an input as long as that may find something; where it seems
// to change nothing, others after it.
func (l *learner) repetition() []int {
	const often, usual, mostInputs = 11, 5, 3
	c, h := l.coverage, l.hypothesis
	q := c.leastRepeated()
	word := slices.Clone(h.access[q])
	for range mostInputs {
		in := c.drawRepetition(q, l.rand)
		if in < 0 {
			break
		}
		// What is usual is mostly a refusal; what is not may be counted.
		times := usual
		if c.telling[h.number(q, in)] > 1 {
			times = often
		}
		from := q
		for n := 0; n < times && h.edges[q][in].certain(); n++ {
			word, q = append(word, in), h.edges[q][in].to
		}
		if q != from {
			c.repeated[h.number(q, in)]++
			break
		}
		if times == often {
			break
		}
	}
	return l.withSuffix(word, q)
}
