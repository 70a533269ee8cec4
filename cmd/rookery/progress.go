package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// accountProgress reports the progress of a long action on standard error: on a terminal as one line that is
// updated, otherwise as a line every few seconds.
type accountProgress struct {
	out       io.Writer
	what      string // what happens to the accounts, such as "imported"
	total     int    // 0 if unknown
	done      int
	terminal  bool
	lastShown time.Time
}

func newAccountProgress(out io.Writer, what string, total int) *accountProgress {
	file, ok := out.(*os.File)
	return &accountProgress{out: out, what: what, total: total, terminal: ok && isatty.IsTerminal(file.Fd()),
		lastShown: time.Now()}
}

// add counts n more accounts, and prints the progress unless it was printed a moment ago.
func (ap *accountProgress) add(n int) {
	ap.done += n
	pause := 5 * time.Second
	if ap.terminal {
		pause = 100 * time.Millisecond
	}
	if time.Since(ap.lastShown) < pause {
		return
	}
	ap.lastShown = time.Now()
	ap.print()
}

func (ap *accountProgress) print() {
	begin, end := "", "\n"
	if ap.terminal {
		begin, end = "\r", ""
	}
	if ap.total > 0 {
		fmt.Fprintf(ap.out, "%s%d of %s %s%s", begin, ap.done, countAccounts(ap.total), ap.what, end)
	} else {
		fmt.Fprintf(ap.out, "%s%s %s%s", begin, countAccounts(ap.done), ap.what, end)
	}
}

// finish prints the final count.
func (ap *accountProgress) finish() {
	ap.print()
	if ap.terminal {
		fmt.Fprintln(ap.out)
	}
}

func countAccounts(n int) string {
	if n == 1 {
		return "1 account"
	}
	return fmt.Sprintf("%d accounts", n)
}
