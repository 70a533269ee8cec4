package lab

import (
	"bufio"
	"bytes"

	"github.com/rookery-im/rookery/internal/probe/journal"
)

// An Archive holds the tries of a transcript that were finished, for one run.
type Archive struct {
	tries map[string][][]journal.Entry
	// Last is the number of the last try, finished or not.
	Last int
	// T is when the last entry was made, in seconds.
	T float64
	// End is why the transcript ends, "" if it was cut off.
	End string
}

// NewArchive sorts the entries of a run by what was asked.
func NewArchive(t *journal.Transcript, run string) *Archive {
	a := &Archive{tries: make(map[string][][]journal.Entry)}
	open := make(map[int][]journal.Entry)
	for _, e := range t.Entries {
		if e.End != "" {
			a.End = e.End
		}
		if e.Run != run {
			continue
		}
		a.Last, a.T = max(a.Last, e.Exp), e.T
		open[e.Exp] = append(open[e.Exp], e)
		if e.Last {
			key := open[e.Exp][0].Key
			a.tries[key] = append(a.tries[key], open[e.Exp])
			delete(open, e.Exp)
		}
	}
	return a
}

// take returns the next try that was made of an experiment.
func (a *Archive) take(key string) ([]journal.Entry, bool) {
	if a == nil || len(a.tries[key]) == 0 {
		return nil, false
	}
	t := a.tries[key][0]
	a.tries[key] = a.tries[key][1:]
	return t, true
}

// answerOf is the answer that an entry holds.
func answerOf(e *journal.Entry, method string) (Answer, error) {
	return parse(bufio.NewReader(bytes.NewReader(e.Response)), method)
}
