// Package journal keeps what a prober sent and what came back: one JSON object a
// line, each with the hash of the line before, so that a transcript that was cut
// or changed in the middle is noticed. Everything that a report says follows from
// a transcript; what was sent is written with placeholders in place of secrets.
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

// Format is the first line's word for what a file is.
const Format = formatPrefix + "3"

// formats is how the formats of all versions begin.
const formatPrefix = "rookery-probe-transcript-"

// A Head is a transcript's first line: what has to be known to do the same again.
type TranscriptHead struct {
	Format string `json:"format"`
	// Command is what was done: run or diff.
	Command string `json:"command"`
	// ServerURLs are the URLs by run.
	ServerURLs map[string]string `json:"servers"`
	// ExperimentText is the text of the experiment file, and File its name.
	ExperimentText string `json:"experiment"`
	ExperimentName string `json:"file"`
	Seed           uint64 `json:"seed"`
	// Salt goes into the marks of requests, so that no server takes those of one run for
	// repeats of another's. Resuming and reports need it to find the same marks.
	Salt          uint64 `json:"salt"`
	RequestBudget int    `json:"requests"` // the budget, for each server
	// BeganAt is when it began, in RFC 3339.
	BeganAt string `json:"began"`
	// Overrides are what the command line had otherwise than the experiment file.
	Overrides Overrides `json:"changes,omitzero"`
	// Variables are those of the environment that the file took secrets from; what
	// they held is in no transcript.
	Variables []string `json:"variables,omitempty"`
}

// Overrides are what a command line had otherwise than an experiment file: what is
// empty is as in the file.
type Overrides struct {
	ResetURL string            `json:"reset,omitempty"` // a control URL
	ClockURL string            `json:"clock,omitempty"`
	Places   []string          `json:"places,omitempty"`
	Accounts map[string]string `json:"accounts,omitempty"` // by role
}

// An Entry is one thing that was done, and what came of it.
type Entry struct {
	// Server names the server: a or b.
	Server string `json:"run"`
	// TryNumber counts the tries of experiments on this server, from 1; Step the steps in
	// it, from 1, as they were planned: 0 is what was done to begin anew.
	TryNumber  int `json:"exp"`
	StepNumber int `json:"step"`
	// TryKey is the experiment, in the notation of steps; with a try's first entry.
	TryKey string `json:"key,omitempty"`
	// StepText is this step in the notation of steps.
	StepText string `json:"line,omitempty"`
	Role     string `json:"role,omitempty"`
	// Elapsed is when, in seconds since the transcript began.
	Elapsed float64 `json:"t"`
	// WaitSeconds is how long was waited, in seconds, if that was the step.
	WaitSeconds float64 `json:"wait,omitempty"`
	// Request is the whole request as it was sent, Response the whole response; nil
	// for none.
	Request  RawBytes `json:"request,omitempty"`
	Response RawBytes `json:"response,omitempty"`
	// Milliseconds is how long the answer took, in milliseconds.
	Milliseconds float64 `json:"ms,omitempty"`
	// Fault is what went wrong on the way, if no response came.
	Fault string `json:"fault,omitempty"`
	// EndsTry marks a try's last entry: the try is whole, or ended by Fault.
	EndsTry bool `json:"last,omitempty"`
	// EndReason is the last line's: why there is no more.
	EndReason string `json:"end,omitempty"`
	// PreviousHash is the hash of the line before: SHA-256 in hex, 16 digits of it.
	PreviousHash string `json:"prev"`
}

// Interrupted is the fault of a request whose answer was not waited for.
const Interrupted = "interrupted"

// IsTransportFault reports whether a request failed on the way.
func (e *Entry) IsTransportFault() bool { return e.Fault != "" && e.Fault != Interrupted }

// ID is how reports name an entry.
func (e *Entry) ID() string { return fmt.Sprintf("%s%d.%d", e.Server, e.TryNumber, e.StepNumber) }

// A Writer appends entries. It is not safe for use by several goroutines.
type TranscriptWriter struct {
	out          io.Writer
	previousHash string
	err          error
}

// NewWriter begins a transcript.
func NewWriter(output io.Writer, head TranscriptHead) (*TranscriptWriter, error) {
	head.Format = Format
	writer := &TranscriptWriter{out: output}
	return writer, writer.writeLine(head)
}

// ContinueWriter goes on with a transcript whose last whole line is last.
func ContinueWriter(output io.Writer, lastLine []byte) *TranscriptWriter {
	return &TranscriptWriter{out: output, previousHash: hashLine(lastLine)}
}

// Append writes an entry. After an error it writes no more, and returns that error.
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

// A Transcript is one that was read.
type Transcript struct {
	Head    TranscriptHead
	Entries []Entry
	// LastLine is the last whole line, and Size where it ends, in bytes: a line that was
	// cut off by a crash is not part of the transcript.
	LastLine  []byte
	WholeSize int64
}

// Read reads a transcript and checks its chain. A last line without an end is
// passed over.
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
		return nil, errors.New("it is empty")
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
			return fmt.Errorf("it is a transcript of another version of rookery: its form is %s, and this version reads %s",
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
