package lab

import (
	"bufio"
	"bytes"

	"github.com/rookery-im/rookery/internal/probe/journal"
)

// Archive holds the attempts of one run from a transcript, for replay. A lab removes each attempt
// that it replays, so an archive serves one lab.
type Archive struct {
	attempts map[string][]*archivedAttempt // by Lab.Key, in the transcript's order
	// LastAttempt is the number of the latest attempt, whether complete or cut off.
	LastAttempt int
	// LastSeconds is the time of the transcript's last entry in seconds.
	LastSeconds float64
	// EndReason says why the transcript ends. It is "" if the transcript was cut off.
	EndReason string
}

// archivedAttempt holds the transcript entries of one attempt.
type archivedAttempt struct {
	entries    []journal.Entry
	isComplete bool // false if the attempt was cut off
}

// NewArchive returns the attempts of the run with the given name, a or b.
func NewArchive(transcript *journal.Transcript, run string) *Archive {
	archive := &Archive{attempts: make(map[string][]*archivedAttempt)}
	var open *archivedAttempt
	for _, entry := range transcript.Entries {
		if entry.EndReason != "" {
			archive.EndReason = entry.EndReason
		}
		archive.LastSeconds = entry.Elapsed
		if entry.Server != run || entry.AttemptNumber == 0 {
			continue
		}
		if entry.AttemptNumber != archive.LastAttempt || open == nil {
			archive.LastAttempt, open = entry.AttemptNumber, new(archivedAttempt)
			archive.attempts[entry.ExperimentKey] = append(archive.attempts[entry.ExperimentKey], open)
		}
		open.entries = append(open.entries, entry)
		open.isComplete = open.isComplete || entry.EndsAttempt
	}
	return archive
}

// nextAttempt removes and returns the next attempt at the experiment with the given Lab.Key. It
// returns (nil, false) if there is none. a may be nil.
func (a *Archive) nextAttempt(key string) (*archivedAttempt, bool) {
	if a == nil || len(a.attempts[key]) == 0 {
		return nil, false
	}
	attempt := a.attempts[key][0]
	a.attempts[key] = a.attempts[key][1:]
	return attempt, true
}

// countRequests counts the requests of an attempt and those among them that got no answer.
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

// parseArchivedAnswer parses the response of an entry.
func parseArchivedAnswer(entry *journal.Entry, method string) (Answer, error) {
	answer, err := parseResponse(bufio.NewReader(bytes.NewReader(entry.Response)), method)
	answer.rawResponse = entry.Response
	return answer, err
}
