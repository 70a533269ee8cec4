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

// probeProgress reports the progress of a study on standard error: on a terminal as one line that is updated,
// otherwise as a line every few seconds.
type probeProgress struct {
	out        io.Writer
	terminal   bool
	lastShown  time.Time
	shownWidth int // length of the line on the terminal
}

func newProbeProgress(out io.Writer) *probeProgress {
	file, ok := out.(*os.File)
	return &probeProgress{out: out, terminal: ok && isatty.IsTerminal(file.Fd()), lastShown: time.Now()}
}

// minTerminalWidth is one less than the assumed width of a terminal. A line that wraps cannot be overwritten.
const minTerminalWidth = 79

// update shows the progress now, unless the last line is too recent. Progress during a wait is always shown.
func (pp *probeProgress) update(now probe.StudyProgress) {
	between := 10 * time.Second
	if pp.terminal {
		between = 100 * time.Millisecond
	}
	if time.Since(pp.lastShown) < between && now.CurrentWait == 0 {
		return
	}
	pp.lastShown = time.Now()
	line := progressLine(now)
	if !pp.terminal {
		fmt.Fprintln(pp.out, line)
		return
	}
	line = line[:min(len(line), minTerminalWidth)]
	fmt.Fprintf(pp.out, "\r%s%s", line, strings.Repeat(" ", max(pp.shownWidth-len(line), 0)))
	pp.shownWidth = len(line)
}

// progressLine describes the progress in one line.
func progressLine(now probe.StudyProgress) string {
	var parts []string
	if now.Phase != "" {
		parts = append(parts, now.Phase)
	}
	parts = append(parts, countNoun(now.FactCount, "fact"),
		fmt.Sprintf("%d of %d requests left", max(now.Budget-now.Sent, 0), now.Budget))
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

// finish ends the line on the terminal.
func (pp *probeProgress) finish() {
	if pp.shownWidth > 0 {
		fmt.Fprintln(pp.out)
	}
}

// countNoun returns a number with a noun in singular or plural.
func countNoun(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
