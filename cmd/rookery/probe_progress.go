package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/rookery-im/rookery/internal/probe"
)

// probeProgress says on standard error how far a study has got: on a terminal in
// one line that changes, else a line now and then.
type probeProgress struct {
	w        io.Writer
	terminal bool
	shown    time.Time
	width    int // of the line that stands there
}

func newProbeProgress(w io.Writer) *probeProgress {
	file, ok := w.(*os.File)
	return &probeProgress{w: w, terminal: ok && isatty.IsTerminal(file.Fd()), shown: time.Now()}
}

// narrow is how wide a terminal is at least: a longer line could not be written
// over.
const narrow = 79

func (p *probeProgress) show(now probe.StudyProgress) {
	between := 10 * time.Second
	if p.terminal {
		between = 100 * time.Millisecond
	}
	if time.Since(p.shown) < between && now.CurrentWait == 0 {
		return
	}
	p.shown = time.Now()
	line := progressLine(now)
	if !p.terminal {
		fmt.Fprintln(p.w, line)
		return
	}
	line = line[:min(len(line), narrow)]
	fmt.Fprintf(p.w, "\r%s%s", line, strings.Repeat(" ", max(p.width-len(line), 0)))
	p.width = len(line)
}

// progressLine is how far a study has got, in a line.
func progressLine(now probe.StudyProgress) string {
	var parts []string
	if now.Phase != "" {
		parts = append(parts, now.Phase)
	}
	parts = append(parts, count(now.FactCount, "fact"), fmt.Sprintf("%d of %d requests left", max(now.Budget-now.Sent, 0), now.Budget))
	if now.TransportFaults > 0 {
		parts = append(parts, fmt.Sprintf("%d lost on the way", now.TransportFaults))
	}
	if now.CurrentWait > 0 {
		parts = append(parts, fmt.Sprintf("waits %v", now.CurrentWait))
	}
	if now.TimeLeft > 0 {
		parts = append(parts, fmt.Sprintf("about %v left", now.TimeLeft.Round(time.Second)))
	}
	return strings.Join(parts, ", ")
}

// finish ends the line that changes.
func (p *probeProgress) finish() {
	if p.width > 0 {
		fmt.Fprintln(p.w)
	}
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
