package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// progress says on standard error how far a long action has got: on a terminal
// in one line that changes, else a line now and then.
type progress struct {
	w        io.Writer
	what     string // what is done with accounts, such as "imported"
	total    int    // 0 if not known
	done     int
	terminal bool
	shown    time.Time
}

func newProgress(w io.Writer, what string, total int) *progress {
	file, ok := w.(*os.File)
	return &progress{w: w, what: what, total: total, terminal: ok && isatty.IsTerminal(file.Fd()), shown: time.Now()}
}

// add counts n more, and shows it if the last time was long enough ago.
func (p *progress) add(n int) {
	p.done += n
	pause := 5 * time.Second
	if p.terminal {
		pause = 100 * time.Millisecond
	}
	if time.Since(p.shown) < pause {
		return
	}
	p.shown = time.Now()
	p.show()
}

func (p *progress) show() {
	begin, end := "", "\n"
	if p.terminal {
		begin, end = "\r", ""
	}
	if p.total > 0 {
		fmt.Fprintf(p.w, "%s%d of %s %s%s", begin, p.done, accounts(p.total), p.what, end)
	} else {
		fmt.Fprintf(p.w, "%s%s %s%s", begin, accounts(p.done), p.what, end)
	}
}

// finish shows where it ended.
func (p *progress) finish() {
	p.show()
	if p.terminal {
		fmt.Fprintln(p.w)
	}
}

func accounts(n int) string {
	if n == 1 {
		return "1 account"
	}
	return fmt.Sprintf("%d accounts", n)
}
