package client

import "time"

// Hasty shortens the pauses between attempts, so that tests of many lost
// connections take no time.
func Hasty() Option {
	return func(o *options) { o.times.firstPause, o.times.lastPause = time.Millisecond, 4*time.Millisecond }
}

// Forgetful takes a server to know no repeat that is older than d.
func Forgetful(d time.Duration) Option { return func(o *options) { o.times.safe = d } }

// Impatient waits for an answer no longer than d.
func Impatient(d time.Duration) Option { return func(o *options) { o.times.answer = d } }

// Settled takes a connection that lasts so long for no failure.
func Settled(d time.Duration) Option { return func(o *options) { o.times.settled = d } }

// MaxWaiting is how many messages wait for a slow program.
const MaxWaiting = maxWaiting
