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
const Format = formats + "3"

// formats is how the formats of all versions begin.
const formats = "rookery-probe-transcript-"

// A Head is a transcript's first line: what has to be known to do the same again.
type Head struct {
	Format string `json:"format"`
	// Command is what was done: run or diff.
	Command string `json:"command"`
	// Servers are the URLs by run.
	Servers map[string]string `json:"servers"`
	// Experiment is the text of the experiment file, and File its name.
	Experiment string `json:"experiment"`
	File       string `json:"file"`
	Seed       uint64 `json:"seed"`
	// Salt goes into the marks of requests, so that no server takes those of one run for
	// repeats of another's. Resuming and reports need it to find the same marks.
	Salt     uint64 `json:"salt"`
	Requests int    `json:"requests"` // the budget, for each server
	// Began is when it began, in RFC 3339.
	Began string `json:"began"`
	// Changes are what the command line had otherwise than the experiment file.
	Changes Changes `json:"changes,omitzero"`
	// Variables are those of the environment that the file took secrets from; what
	// they held is in no transcript.
	Variables []string `json:"variables,omitempty"`
}

// Changes are what a command line had otherwise than an experiment file: what is
// empty is as in the file.
type Changes struct {
	Reset    string            `json:"reset,omitempty"` // a control URL
	Clock    string            `json:"clock,omitempty"`
	Places   []string          `json:"places,omitempty"`
	Accounts map[string]string `json:"accounts,omitempty"` // by role
}

// An Entry is one thing that was done, and what came of it.
type Entry struct {
	// Run names the server: a or b.
	Run string `json:"run"`
	// Exp counts the tries of experiments on this server, from 1; Step the steps in
	// it, from 1, as they were planned: 0 is what was done to begin anew.
	Exp  int `json:"exp"`
	Step int `json:"step"`
	// Key is the experiment, in the notation of steps; with a try's first entry.
	Key string `json:"key,omitempty"`
	// Line is this step in the notation of steps.
	Line string `json:"line,omitempty"`
	Role string `json:"role,omitempty"`
	// T is when, in seconds since the transcript began.
	T float64 `json:"t"`
	// Wait is how long was waited, in seconds, if that was the step.
	Wait float64 `json:"wait,omitempty"`
	// Request is the whole request as it was sent, Response the whole response; nil
	// for none.
	Request  Bytes `json:"request,omitempty"`
	Response Bytes `json:"response,omitempty"`
	// Took is how long the answer took, in milliseconds.
	Took float64 `json:"ms,omitempty"`
	// Fault is what went wrong on the way, if no response came.
	Fault string `json:"fault,omitempty"`
	// Last marks a try's last entry: the try is whole, or ended by Fault.
	Last bool `json:"last,omitempty"`
	// End is the last line's: why there is no more.
	End string `json:"end,omitempty"`
	// Prev is the hash of the line before: SHA-256 in hex, 16 digits of it.
	Prev string `json:"prev"`
}

// Interrupted is the fault of a request whose answer was not waited for.
const Interrupted = "interrupted"

// Failed reports whether a request failed on the way.
func (e *Entry) Failed() bool { return e.Fault != "" && e.Fault != Interrupted }

// ID is how reports name an entry.
func (e *Entry) ID() string { return fmt.Sprintf("%s%d.%d", e.Run, e.Exp, e.Step) }

// A Writer appends entries. It is not safe for use by several goroutines.
type Writer struct {
	w    io.Writer
	prev string
	err  error
}

// NewWriter begins a transcript.
func NewWriter(w io.Writer, head Head) (*Writer, error) {
	head.Format = Format
	out := &Writer{w: w}
	return out, out.line(head)
}

// Continue goes on with a transcript whose last whole line is last.
func Continue(w io.Writer, last []byte) *Writer { return &Writer{w: w, prev: hash(last)} }

// Append writes an entry. After an error it writes no more, and returns that error.
func (w *Writer) Append(entry Entry) error {
	entry.Prev = w.prev
	return w.line(entry)
}

func (w *Writer) line(v any) error {
	if w.err != nil {
		return w.err
	}
	var line []byte
	if line, w.err = marshal(v); w.err != nil {
		return w.err
	}
	w.prev = hash(line)
	_, w.err = w.w.Write(append(line, '\n'))
	return w.err
}

func hash(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:8])
}

// A Transcript is one that was read.
type Transcript struct {
	Head    Head
	Entries []Entry
	// Last is the last whole line, and Size where it ends, in bytes: a line that was
	// cut off by a crash is not part of the transcript.
	Last []byte
	Size int64
}

// Read reads a transcript and checks its chain. A last line without an end is
// passed over.
func Read(r io.Reader) (*Transcript, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	transcript := &Transcript{}
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		transcript.Size += int64(len(line))
		line = bytes.TrimSuffix(line, []byte("\n"))
		if err := transcript.add(number, line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		transcript.Last = line
	}
	if transcript.Head.Format == "" {
		return nil, errors.New("it is empty")
	}
	return transcript, nil
}

func (t *Transcript) add(number int, line []byte) error {
	if number == 1 {
		err := json.Unmarshal(line, &t.Head)
		switch {
		case err != nil || !strings.HasPrefix(t.Head.Format, formats):
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
	if entry.Prev != hash(t.Last) {
		return errors.New("the line before was changed, or lines are missing: the hash does not fit")
	}
	t.Entries = append(t.Entries, entry)
	return nil
}
