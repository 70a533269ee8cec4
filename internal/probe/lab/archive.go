package lab

import (
	"bufio"
	"bytes"

	"github.com/rookery-im/rookery/internal/probe/journal"
)

// An Archive holds the tries of a transcript, for one run.
type Archive struct {
	tries map[string][]*archivedTry
	// Last is the number of the last try, finished or not.
	Last int
	// T is when the last entry was made, in seconds.
	T float64
	// End is why the transcript ends, "" if it was cut off.
	End string
}

// A past is a try as a transcript has it.
type archivedTry struct {
	entries []journal.Entry
	whole   bool // else it was cut off
}

// NewArchive sorts the entries of a run by what was asked.
func NewArchive(transcript *journal.Transcript, run string) *Archive {
	archive := &Archive{tries: make(map[string][]*archivedTry)}
	var open *archivedTry
	for _, entry := range transcript.Entries {
		if entry.EndReason != "" {
			archive.End = entry.EndReason
		}
		archive.T = entry.Elapsed
		if entry.Server != run || entry.TryNumber == 0 {
			continue
		}
		if entry.TryNumber != archive.Last || open == nil {
			archive.Last, open = entry.TryNumber, new(archivedTry)
			archive.tries[entry.TryKey] = append(archive.tries[entry.TryKey], open)
		}
		open.entries = append(open.entries, entry)
		open.whole = open.whole || entry.EndsTry
	}
	return archive
}

// take returns the next try that was made of an experiment.
func (a *Archive) take(key string) (*archivedTry, bool) {
	if a == nil || len(a.tries[key]) == 0 {
		return nil, false
	}
	p := a.tries[key][0]
	a.tries[key] = a.tries[key][1:]
	return p, true
}

// sent counts the requests of a try, and those of them that failed on the way.
func (p *archivedTry) sent() (requests, faults int) {
	for i := range p.entries {
		if p.entries[i].Request != nil {
			requests++
		}
		if p.entries[i].IsTransportFault() {
			faults++
		}
	}
	return requests, faults
}

// answerOf is the answer that an entry holds.
func answerOf(entry *journal.Entry, method string) (Answer, error) {
	answer, err := parse(bufio.NewReader(bytes.NewReader(entry.Response)), method)
	answer.response = entry.Response
	return answer, err
}
