package lab

import (
	"bufio"
	"bytes"

	"github.com/rookery-im/rookery/internal/probe/journal"
)

// An Archive holds the tries of a transcript, for one run.
type Archive struct {
	attempts map[string][]*archivedAttempt
	// LastAttempt is the number of the last try, finished or not.
	LastAttempt int
	// LastSeconds is when the last entry was made, in seconds.
	LastSeconds float64
	// EndReason is why the transcript ends, "" if it was cut off.
	EndReason string
}

// A past is a try as a transcript has it.
type archivedAttempt struct {
	entries    []journal.Entry
	isComplete bool // else it was cut off
}

// NewArchive sorts the entries of a run by what was asked.
func NewArchive(transcript *journal.Transcript, run string) *Archive {
	archive := &Archive{attempts: make(map[string][]*archivedAttempt)}
	var open *archivedAttempt
	for _, entry := range transcript.Entries {
		if entry.EndReason != "" {
			archive.EndReason = entry.EndReason
		}
		archive.LastSeconds = entry.Elapsed
		if entry.Server != run || entry.TryNumber == 0 {
			continue
		}
		if entry.TryNumber != archive.LastAttempt || open == nil {
			archive.LastAttempt, open = entry.TryNumber, new(archivedAttempt)
			archive.attempts[entry.TryKey] = append(archive.attempts[entry.TryKey], open)
		}
		open.entries = append(open.entries, entry)
		open.isComplete = open.isComplete || entry.EndsTry
	}
	return archive
}

// nextAttempt returns the next try that was made of an experiment.
func (a *Archive) nextAttempt(key string) (*archivedAttempt, bool) {
	if a == nil || len(a.attempts[key]) == 0 {
		return nil, false
	}
	attempt := a.attempts[key][0]
	a.attempts[key] = a.attempts[key][1:]
	return attempt, true
}

// countRequests counts the requests of a try, and those of them that failed on the way.
func (a *archivedAttempt) countRequests() (requests, faults int) {
	for i := range a.entries {
		if a.entries[i].Request != nil {
			requests++
		}
		if a.entries[i].IsTransportFault() {
			faults++
		}
	}
	return requests, faults
}

// parseArchivedAnswer is the answer that an entry holds.
func parseArchivedAnswer(entry *journal.Entry, method string) (Answer, error) {
	answer, err := parseResponse(bufio.NewReader(bytes.NewReader(entry.Response)), method)
	answer.rawResponse = entry.Response
	return answer, err
}
