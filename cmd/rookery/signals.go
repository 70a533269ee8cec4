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

// contextUntilSignal returns a context that ends with the first signal to end. The
// second one ends the program. It takes over all signals that would end a server
// by default.
func contextUntilSignal(ctx context.Context, log *slog.Logger) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	// A log whose reader has gone is lost, but the server goes on. Go ends a
	// program that writes to a broken standard output or standard error.
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
		default: // others wait there
		}
	}, func() {
		log.Info("SIGHUP asks to reload, but there is nothing to reload yet")
	})
	return ctx, cancel
}

// repeatTime is how long after the first signal another one is taken for the
// same: who ends a whole group of processes may signal one of them twice.
const repeatedSignalPeriod = time.Second

// handleSignals calls end at the first signal, unless ctx ends before, and endAtOnce at
// the second.
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

// hangupSettles is how long after a SIGHUP the terminal may go: when the shell
// of a terminal dies, the signal comes a moment earlier.
const hangupGracePeriod = time.Second

// handleHangups calls end at a SIGHUP that comes because the terminal has gone,
// and reload at others. It returns when ctx ends. Later signals change nothing.
func handleHangups(ctx context.Context, hangups <-chan os.Signal, gone func() bool, end, reload func()) {
	var settled <-chan time.Time // nil while no SIGHUP is in doubt
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

// terminalGone returns a function that reports whether the terminal that this
// process was started from has gone. It never has if the process has none, or
// was told to ignore SIGHUP, as by nohup. Call it before SIGHUP is caught.
func terminalGone() func() bool {
	if signal.Ignored(syscall.SIGHUP) || tryOpenTerminal() != nil {
		return func() bool { return false }
	}
	return func() bool {
		err := tryOpenTerminal()
		// Other errors, such as too many open files, do not tell.
		return errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrNotExist)
	}
}

// tryOpenTerminal opens the controlling terminal of this process, and closes it
// again. A terminal that is held open keeps its ssh session from ending.
func tryOpenTerminal() error {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	return file.Close()
}
