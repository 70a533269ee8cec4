// Package journal writes and reads transcripts: what a prober sent and what came back. A
// transcript has one JSON object per line. Each line holds the hash of the line before it,
// so that Read notices a line that was removed or changed. Reports are computed from a
// transcript alone. Placeholders replace the secrets in what was sent.
package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Format is the value of "format" in the first line of a transcript that this version
// writes and reads.
const Format = formatPrefix + "3"

// formatPrefix begins the format names of all versions.
const formatPrefix = "rookery-probe-transcript-"

// TranscriptHead is the first line of a transcript: what a study was started with.
type TranscriptHead struct {
	Format string `json:"format"`
	// Command is the subcommand that made the transcript: run or diff.
	Command string `json:"command"`
	// ServerURLs maps server names (a, b) to URLs.
	ServerURLs map[string]string `json:"servers"`
	// ExperimentText is the text of the experiment file. ExperimentName is its name.
	ExperimentText string `json:"experiment"`
	ExperimentName string `json:"file"`
	Seed           uint64 `json:"seed"`
	// Salt is part of each request's mark (SEQ), so that a server does not mistake the
	// requests of one study for repeats from another. Resuming and reporting use it to
	// compute the same marks.
	Salt          uint64 `json:"salt"`
	RequestBudget int    `json:"requests"` // sent at most, to each server
	// BeganAt is in RFC 3339.
	BeganAt string `json:"began"`
	// Overrides are the settings from the command line that replace those of the
	// experiment file.
	Overrides Overrides `json:"changes,omitzero"`
	// Variables names the environment variables that supplied secrets. No transcript holds
	// their values.
	Variables []string `json:"variables,omitempty"`
}

// Overrides are settings from the command line. An empty field leaves the setting of the
// experiment file.
type Overrides struct {
	ResetURL string            `json:"reset,omitempty"` // control URL
	ClockURL string            `json:"clock,omitempty"`
	Places   []string          `json:"places,omitempty"`
	Accounts map[string]string `json:"accounts,omitempty"` // by role
}

// Entry is one request or wait and its result.
type Entry struct {
	// Server is the name of the server: a or b.
	Server string `json:"run"`
	// AttemptNumber counts the attempts at experiments on this server, from 1. StepNumber is the
	// number of the planned step, from 1. Step 0 is part of the reset.
	AttemptNumber int `json:"exp"`
	StepNumber    int `json:"step"`
	// ExperimentKey is the whole experiment in step notation. Only the first entry of an
	// attempt has it.
	ExperimentKey string `json:"key,omitempty"`
	// StepText is this step in step notation.
	StepText string `json:"line,omitempty"`
	Role     string `json:"role,omitempty"`
	// Elapsed is the time since the transcript began, in seconds.
	Elapsed float64 `json:"t"`
	// WaitSeconds is set if the step is a wait.
	WaitSeconds float64 `json:"wait,omitempty"`
	// Request and Response are complete HTTP messages. nil means that there is none.
	Request  RawBytes `json:"request,omitempty"`
	Response RawBytes `json:"response,omitempty"`
	// Milliseconds is the time that the server took to answer.
	Milliseconds float64 `json:"ms,omitempty"`
	// Fault is the transport failure, if no response came.
	Fault string `json:"fault,omitempty"`
	// EndsAttempt marks the last entry of an attempt, whether it is complete or Fault ended it.
	EndsAttempt bool `json:"last,omitempty"`
	// EndReason says why the study ended. Only the last line has it.
	EndReason string `json:"end,omitempty"`
	// PreviousHash is the hash of the line before: the first 16 hex digits of its SHA-256.
	PreviousHash string `json:"prev"`
}

// Interrupted is the fault of a request whose answer the prober stopped waiting for.
const Interrupted = "interrupted"

// IsTransportFault reports whether the request failed on the network. An interruption does
// not count.
func (e *Entry) IsTransportFault() bool { return e.Fault != "" && e.Fault != Interrupted }

// ID returns the entry's name in reports, such as a12.3.
func (e *Entry) ID() string { return fmt.Sprintf("%s%d.%d", e.Server, e.AttemptNumber, e.StepNumber) }

// TranscriptWriter appends entries to a transcript. It must not be used concurrently.
type TranscriptWriter struct {
	out          io.Writer
	previousHash string
	err          error
}

// NewWriter begins a transcript and writes head.
func NewWriter(output io.Writer, head TranscriptHead) (*TranscriptWriter, error) {
	head.Format = Format
	writer := &TranscriptWriter{out: output}
	return writer, writer.writeLine(head)
}

// ContinueWriter returns a writer that appends to a transcript whose last complete line is
// lastLine.
func ContinueWriter(output io.Writer, lastLine []byte) *TranscriptWriter {
	return &TranscriptWriter{out: output, previousHash: hashLine(lastLine)}
}

// Append writes an entry. After an error, every further call returns the same error.
func (w *TranscriptWriter) Append(entry Entry) error {
	entry.PreviousHash = w.previousHash
	return w.writeLine(entry)
}

func (w *TranscriptWriter) writeLine(value any) error {
	if w.err != nil {
		return w.err
	}
	var line []byte
	if line, w.err = marshalUnescaped(value); w.err != nil {
		return w.err
	}
	w.previousHash = hashLine(line)
	_, w.err = w.out.Write(append(line, '\n'))
	return w.err
}

func hashLine(line []byte) string {
	digest := sha256.Sum256(line)
	return hex.EncodeToString(digest[:8])
}

// Transcript is the content of a transcript file.
type Transcript struct {
	Head    TranscriptHead
	Entries []Entry
	// LastLine is the last complete line. WholeSize is the offset of its end, in bytes. A
	// crash may have left an incomplete line after it, which does not belong to the
	// transcript.
	LastLine  []byte
	WholeSize int64
}

// Read parses a transcript and verifies the chain of hashes. It ignores an incomplete last
// line.
func Read(input io.Reader) (*Transcript, error) {
	reader := bufio.NewReaderSize(input, 1<<16)
	transcript := &Transcript{}
	for lineNumber := 1; ; lineNumber++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		transcript.WholeSize += int64(len(line))
		line = bytes.TrimSuffix(line, []byte("\n"))
		if err := transcript.addLine(lineNumber, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", lineNumber, err)
		}
		transcript.LastLine = line
	}
	if transcript.Head.Format == "" {
		return nil, errors.New("the transcript is empty")
	}
	return transcript, nil
}

func (t *Transcript) addLine(lineNumber int, line []byte) error {
	if lineNumber == 1 {
		err := json.Unmarshal(line, &t.Head)
		switch {
		case err != nil || !strings.HasPrefix(t.Head.Format, formatPrefix):
			return errors.New("this is no transcript of rookery probe")
		case t.Head.Format != Format:
			return fmt.Errorf(
				"it is a transcript of another version of rookery: its form is %s, and this version reads %s",
				t.Head.Format, Format)
		}
		return nil
	}
	var entry Entry
	if err := json.Unmarshal(line, &entry); err != nil {
		return err
	}
	if entry.PreviousHash != hashLine(t.LastLine) {
		return errors.New("the line before was changed, or lines are missing: the hash does not fit")
	}
	t.Entries = append(t.Entries, entry)
	return nil
}
