package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// contextUntilSignal returns a context that ends at the first SIGINT, SIGTERM, or SIGHUP from a terminal that is gone.
// A further signal, more than repeatedSignalPeriod later, ends the program at once. Other SIGHUPs are only logged, and
// SIGPIPE is ignored from then on.
func contextUntilSignal(ctx context.Context, log *slog.Logger) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	// If nobody reads the log any more, the server continues without it. By default Go ends
	// a program that writes to a broken standard output or standard error.
	signal.Ignore(syscall.SIGPIPE)
	ends := make(chan os.Signal, 2)
	signal.Notify(ends, os.Interrupt, syscall.SIGTERM)
	go handleSignals(ctx, ends, cancel, func() {
		log.Warn("ended by a second signal, without finishing what was accepted")
		os.Exit(1)
	})
	gone := terminalGone()
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go handleHangups(ctx, hangups, gone, func() {
		log.Info("the terminal of the server has gone")
		select {
		case ends <- syscall.SIGHUP:
		default: // enough signals are pending
		}
	}, func() {
		log.Info("SIGHUP asks to reload, but there is nothing to reload yet")
	})
	return ctx, cancel
}

// repeatedSignalPeriod is how long after the first signal further ones count as the same. A signal to a process
// group may reach one process twice.
const repeatedSignalPeriod = time.Second

// handleSignals calls end at the first signal and endAtOnce at the second. It returns if ctx ends before the first.
func handleSignals(ctx context.Context, signals <-chan os.Signal, end, endAtOnce func()) {
	select {
	case <-signals:
	case <-ctx.Done():
		return
	}
	end()
	for first := time.Now(); time.Since(first) < repeatedSignalPeriod; {
		<-signals
	}
	endAtOnce()
}

// hangupGracePeriod is how long after a SIGHUP the terminal may still disappear. When a terminal's shell dies, the
// signal arrives a moment before the terminal is gone.
const hangupGracePeriod = time.Second

// handleHangups calls end at a SIGHUP that comes with the loss of the terminal, and reload at others. It returns
// after end, or when ctx ends.
func handleHangups(ctx context.Context, hangups <-chan os.Signal, gone func() bool, end, reload func()) {
	var settled <-chan time.Time // fires when a SIGHUP's grace period ends; nil if none is pending
	for {
		select {
		case <-hangups:
			if !gone() {
				reload()
				settled = time.After(hangupGracePeriod)
				continue
			}
		case <-settled:
			if !gone() {
				settled = nil
				continue
			}
		case <-ctx.Done():
			return
		}
		end()
		return
	}
}

// terminalGone returns a function that reports whether the terminal that started this process is gone. It always
// returns false for a process without a terminal and for one that ignores SIGHUP, as with nohup. terminalGone must
// be called before SIGHUP is handled.
func terminalGone() func() bool {
	if signal.Ignored(syscall.SIGHUP) || tryOpenTerminal() != nil {
		return func() bool { return false }
	}
	return func() bool {
		err := tryOpenTerminal()
		// Other errors, such as too many open files, do not show that the terminal is gone.
		return errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrNotExist)
	}
}

// tryOpenTerminal opens and closes the controlling terminal of this process. It does not keep it open, because an
// open terminal would keep its ssh session alive.
func tryOpenTerminal() error {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	return file.Close()
}
